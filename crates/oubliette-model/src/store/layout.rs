//! Which tensor of the files is which weight of the network, and whether they fit.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{DType, Device};

use crate::error::{Error, Result};
use crate::networks::Shapes;
use crate::store::shards::Shards;
use crate::weights::Weight;

/// A tensor of a file, or one of `parts` equal parts of its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The tensor's name in the file.
    pub name: String,
    /// Which part, and of how many.
    pub part: Option<(usize, usize)>,
}

impl Place {
    /// The whole tensor.
    pub fn whole(name: impl Into<String>) -> Self {
        Self { name: name.into(), part: None }
    }
}

/// How the files of some format name the weights of a network.
pub trait Naming {
    /// Where the weight `name` may be, best guess first.
    fn candidates(&self, name: &str) -> Vec<Place>;
    /// Whether a tensor that no weight comes from may be there.
    fn is_ignored(&self, tensor: &str) -> bool;
}

/// Where each weight of a network is.
#[derive(Clone, Debug)]
pub struct Layout {
    places: BTreeMap<String, Place>,
    shapes: Shapes,
}

impl Layout {
    /// Finds every weight of `shapes` in `shards`.
    ///
    /// # Errors
    /// A weight is missing or has another shape, or a tensor is not known.
    pub fn find(shards: &Shards, shapes: Shapes, naming: &dyn Naming) -> Result<Self> {
        let mut places = BTreeMap::new();
        for (name, shape) in &shapes {
            let place =
                naming.candidates(name).into_iter().find(|p| shards.entry(&p.name).is_some());
            let Some(place) = place else {
                let remedy = "the file does not belong to its `config.json`, or is incomplete; \
                              get the component again";
                return Err(Error::tensor(shards.file_of(name), name, "is missing", remedy));
            };
            check_shape(shards, &place, shape)?;
            places.insert(name.clone(), place);
        }
        let used: BTreeSet<&str> = places.values().map(|place| place.name.as_str()).collect();
        let unknown = |tensor: &&str| !used.contains(tensor) && !naming.is_ignored(tensor);
        if let Some(tensor) = shards.names().find(unknown) {
            let remedy = "the model has parts that are not supported, or the file belongs to another \
                          `config.json`";
            return Err(Error::tensor(shards.file_of(tensor), tensor, "is not known", remedy));
        }
        Ok(Self { places, shapes })
    }

    /// Names and places of all weights.
    pub fn places(&self) -> &BTreeMap<String, Place> {
        &self.places
    }

    /// The shape of a weight in memory: a single number becomes a list of one.
    pub fn shape(&self, name: &str) -> Vec<usize> {
        match self.shapes.get(name).map(Vec::as_slice) {
            None | Some([]) => vec![1],
            Some(shape) => shape.to_vec(),
        }
    }

    /// Reads a weight.
    ///
    /// # Errors
    /// The tensor cannot be read or holds numbers that are not finite.
    pub fn read(
        &self,
        shards: &Shards,
        name: &str,
        device: &Device,
        dtype: DType,
    ) -> Result<Weight> {
        let values = self.values(shards, name)?;
        Ok(Weight::from_f32(values, &self.shape(name), device, dtype))
    }

    /// The numbers of a weight as the files hold them.
    ///
    /// # Errors
    /// As for [`Layout::read`].
    pub fn values(&self, shards: &Shards, name: &str) -> Result<Vec<f32>> {
        let Some(place) = self.places.get(name) else {
            return Err(Error::tensor(
                shards.file_of(name),
                name,
                "is not a weight",
                "check the name",
            ));
        };
        let values = shards.read(&place.name)?;
        Ok(match place.part {
            None => values,
            Some((part, parts)) => {
                let length = values.len() / parts;
                values[part * length..(part + 1) * length].to_vec()
            }
        })
    }
}

/// The file's shape must be the network's, but for the trailing ones by which a 1x1 convolution
/// differs from a linear layer.
fn check_shape(shards: &Shards, place: &Place, wanted: &[usize]) -> Result<()> {
    let Some(entry) = shards.entry(&place.name) else { return Ok(()) };
    let mut wanted = wanted.to_vec();
    if let (Some((_, parts)), Some(rows)) = (place.part, wanted.first_mut()) {
        *rows *= parts;
    }
    if without_ones(&entry.shape) == without_ones(&wanted) {
        return Ok(());
    }
    let why = format!("has the shape {:?}, `config.json` asks for {wanted:?}", entry.shape);
    let remedy = "put the `config.json` beside it that belongs to it";
    Err(Error::tensor(shards.file_of(&place.name), &place.name, why, remedy))
}

fn without_ones(shape: &[usize]) -> &[usize] {
    match shape {
        [_, _, 1, 1] => &shape[..2],
        [1] => &[],
        _ => shape,
    }
}
