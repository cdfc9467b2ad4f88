//! How many transformer layers stand beside each residual block.

use serde_json::Value;

use crate::error::Result;
use crate::networks::limits;
use crate::store::Fields;

/// `transformer_layers_per_block`: a number, a number for each block, or a list for each block.
pub(super) struct TransformerLayers {
    pub(super) down: Vec<Vec<usize>>,
    pub(super) mid: usize,
    pub(super) up: Vec<Vec<usize>>,
}

impl TransformerLayers {
    pub(super) fn read(fields: &Fields<'_>, layers: &[usize]) -> Result<Self> {
        let key = "transformer_layers_per_block";
        let down = Self::per_block(fields, key, layers)?.unwrap_or_else(|| ones(layers));
        let mid = down.last().and_then(|last| last.first()).copied().unwrap_or(1);
        let upward: Vec<usize> = layers.iter().rev().map(|count| count + 1).collect();
        let up = match Self::per_block(fields, "reverse_transformer_layers_per_block", &upward)? {
            Some(up) => up,
            None => Self::mirrored(fields, key, &down, &upward)?,
        };
        Ok(Self { down, mid, up })
    }

    fn mirrored(
        fields: &Fields<'_>,
        key: &str,
        down: &[Vec<usize>],
        upward: &[usize],
    ) -> Result<Vec<Vec<usize>>> {
        let nested =
            |value: &Value| value.as_array().is_some_and(|l| l.iter().any(Value::is_array));
        if fields.value(key).is_some_and(nested) {
            let remedy = "add `reverse_transformer_layers_per_block`";
            return Err(fields.error(key, "lists layers one by one for the way down only", remedy));
        }
        let level = |(layers, &count): (&Vec<usize>, &usize)| vec![layers[0]; count];
        Ok(down.iter().rev().zip(upward).map(level).collect())
    }

    fn per_block(
        fields: &Fields<'_>,
        key: &str,
        counts: &[usize],
    ) -> Result<Option<Vec<Vec<usize>>>> {
        let Some(value) = fields.value(key) else { return Ok(None) };
        let wrong = || fields.error(key, "is malformed", "give a number, or one for each block");
        let number = |value: &Value| {
            let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
            number.filter(|n| (1..=limits::BLOCK_LAYERS).contains(n)).ok_or_else(wrong)
        };
        let level = |(value, &count): (&Value, &usize)| match value.as_array() {
            None => Ok(vec![number(value)?; count]),
            Some(list) if list.len() == count => list.iter().map(number).collect(),
            Some(_) => Err(wrong()),
        };
        match value.as_array() {
            None => Ok(Some(
                counts
                    .iter()
                    .map(|&count| Ok(vec![number(value)?; count]))
                    .collect::<Result<_>>()?,
            )),
            Some(list) if list.len() == counts.len() => {
                list.iter().zip(counts).map(level).collect::<Result<_>>().map(Some)
            }
            Some(_) => Err(wrong()),
        }
    }
}

fn ones(layers: &[usize]) -> Vec<Vec<usize>> {
    layers.iter().map(|&count| vec![1; count]).collect()
}
