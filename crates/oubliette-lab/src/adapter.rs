//! A low-rank adapter in training: pairs of factors beside frozen weights, merged when it is looked at.

use std::collections::BTreeSet;

use oubliette_model::{Weight, Weights};
use rand::Rng as _;

use crate::{Error, Result, lot::Rng};

/// Where an adapter sits and how strongly it acts (LoRA, arXiv 2106.09685, section 4.1).
#[derive(Debug, Clone)]
pub struct Adapter {
    names: BTreeSet<String>,
    scale: f64,
    start: Weights,
}

impl Adapter {
    /// An adapter beside the matrices called `names`: A uniform as PEFT draws it, B zero, so that it begins by
    /// changing nothing.
    ///
    /// # Errors
    /// When a name is no matrix, or the rank is 0.
    pub fn new(
        base: &Weights,
        names: BTreeSet<String>,
        rank: usize,
        alpha: f64,
        rng: &mut Rng,
    ) -> Result<Self> {
        let mut start = Weights::new();
        for name in &names {
            let shape = base.get(name).map(Weight::shape).unwrap_or_default();
            let &[rows, columns] = shape else { return Err(refuse(name)) };
            if rank == 0 {
                return Err(refuse(name));
            }
            let weight = base.get(name).ok_or_else(|| refuse(name))?;
            let bound = 1.0 / (columns as f32).sqrt();
            let down = (0..rank * columns).map(|_| rng.random_range(-bound..bound)).collect();
            let (device, dtype) = (weight.device(), weight.dtype());
            start.insert(down_of(name), Weight::from_f32(down, &[rank, columns], &device, dtype));
            let up = vec![0.0; rows * rank];
            start.insert(up_of(name), Weight::from_f32(up, &[rows, rank], &device, dtype));
        }
        Ok(Self { names, scale: alpha / rank as f64, start })
    }

    /// The factors before the first step.
    pub fn start(&self) -> &Weights {
        &self.start
    }

    /// The adapted matrices, W + alpha / rank · B A, differentiable in the factors `own`.
    pub fn adapted(&self, base: &Weights, own: &Weights) -> Weights {
        let adapted = |name: &String| {
            let (weight, down, up) =
                (base.get(name)?, own.get(&down_of(name))?, own.get(&up_of(name))?);
            let change = up.tensor::<2>().matmul(down.tensor::<2>()) * self.scale;
            Some((name.clone(), Weight::new(weight.tensor::<2>() + change)))
        };
        self.names.iter().filter_map(adapted).collect()
    }
}

fn down_of(name: &str) -> String {
    format!("{name}.lora_A")
}

fn up_of(name: &str) -> String {
    format!("{name}.lora_B")
}

fn refuse(name: &str) -> Error {
    Error::Input {
        file: "the recipe".to_owned(),
        thing: format!("an adapter cannot sit on `{name}`"),
        remedy: "choose matrices of linear layers, and a rank above 0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lot::Lot;
    use burn::tensor::{DType, Device};

    #[test]
    fn it_begins_by_changing_nothing_and_scales_by_alpha_over_rank() {
        let device = Device::flex();
        let matrix =
            Weight::from_f32(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3], &device, DType::F32);
        let base: Weights = [("w".to_owned(), matrix)].into_iter().collect();
        let names = BTreeSet::from(["w".to_owned()]);
        let adapter = Adapter::new(&base, names, 1, 2.0, &mut Lot::new(0).rng()).unwrap();
        let same = adapter.adapted(&base, adapter.start());
        assert_eq!(same.get("w").unwrap().to_f32_vec(), base.get("w").unwrap().to_f32_vec());

        let mut own = adapter.start().clone();
        own.insert("w.lora_A", Weight::from_f32(vec![1.0, 0.0, 1.0], &[1, 3], &device, DType::F32));
        own.insert("w.lora_B", Weight::from_f32(vec![1.0, -1.0], &[2, 1], &device, DType::F32));
        let moved = adapter.adapted(&base, &own);
        assert_eq!(moved.get("w").unwrap().to_f32_vec(), [3.0, 2.0, 5.0, 2.0, 5.0, 4.0]);
    }

    #[test]
    fn a_bias_takes_no_adapter() {
        let bias = Weight::from_f32(vec![0.0], &[1], &Device::flex(), DType::F32);
        let base: Weights = [("b".to_owned(), bias)].into_iter().collect();
        let names = BTreeSet::from(["b".to_owned()]);
        assert!(Adapter::new(&base, names, 4, 4.0, &mut Lot::new(0).rng()).is_err());
    }
}
