//! Which blocks of a U-Net have attention to the prompt.

use crate::error::Result;
use crate::networks::limits;
use crate::store::Fields;

/// What stands between the way down and the way up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mid {
    /// Residual block, transformer, residual block.
    CrossAttention,
    /// One residual block.
    Plain,
    /// Nothing.
    Absent,
}

pub(super) fn attention_of_down_blocks(fields: &Fields<'_>, blocks: usize) -> Result<Vec<bool>> {
    let with = "CrossAttnDownBlock2D";
    let default = [with, with, with, "DownBlock2D"];
    attention_of_blocks(fields, "down_block_types", &default, [with, "DownBlock2D"], blocks)
}

pub(super) fn attention_of_up_blocks(fields: &Fields<'_>, blocks: usize) -> Result<Vec<bool>> {
    let with = "CrossAttnUpBlock2D";
    let default = ["UpBlock2D", with, with, with];
    attention_of_blocks(fields, "up_block_types", &default, [with, "UpBlock2D"], blocks)
}

fn attention_of_blocks(
    fields: &Fields<'_>,
    key: &str,
    default: &[&str],
    [with, without]: [&str; 2],
    blocks: usize,
) -> Result<Vec<bool>> {
    let types = fields.names(key, default, limits::BLOCKS)?;
    if types.len() != blocks {
        let why = format!("lists {} blocks, `block_out_channels` {blocks}", types.len());
        return Err(fields.error(key, why, "list one type for each block"));
    }
    let has_attention = |name: &String| match name {
        name if name == with => Ok(true),
        name if name == without => Ok(false),
        name => {
            let why = format!("names `{name:.60}`, which is not supported");
            Err(fields.error(key, why, format!("use a model of {with} and {without}")))
        }
    };
    types.iter().map(has_attention).collect()
}

pub(super) fn mid(fields: &Fields<'_>) -> Result<Mid> {
    // A missing key means the default, an explicit null that there is no such block.
    if fields.is_null("mid_block_type") {
        return Ok(Mid::Absent);
    }
    let choices =
        [("UNetMidBlock2DCrossAttn", Mid::CrossAttention), ("UNetMidBlock2D", Mid::Plain)];
    fields.choice("mid_block_type", &choices)
}
