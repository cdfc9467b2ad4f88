//! Named weights: a model is a function of one flat, ordered map from names to tensors.

mod weight;

use std::collections::{BTreeMap, BTreeSet, btree_map};

pub use weight::Weight;

use crate::scope::Scope;

/// The weights of a whole model by qualified name, for example
/// `unet/down_blocks.0.resnets.0.conv1.weight`: component, slash, name inside the component.
///
/// The same type holds gradients, moments, averages and edits.
#[derive(Clone, Debug, Default)]
pub struct Weights(BTreeMap<String, Weight>);

impl Weights {
    /// No weights.
    pub fn new() -> Self {
        Self::default()
    }

    /// The weights of one component, addressed by the names inside it.
    pub fn scope(&self, component: &str) -> Scope<'_> {
        Scope::new(self, format!("{component}/"))
    }

    /// All weights, addressed by their qualified names.
    pub fn root(&self) -> Scope<'_> {
        Scope::new(self, String::new())
    }

    /// The weight of that name.
    pub fn get(&self, name: &str) -> Option<&Weight> {
        self.0.get(name)
    }

    /// Adds or replaces a weight; returns the one that it replaced.
    pub fn insert(&mut self, name: impl Into<String>, weight: Weight) -> Option<Weight> {
        self.0.insert(name.into(), weight)
    }

    /// Takes a weight out.
    pub fn remove(&mut self, name: &str) -> Option<Weight> {
        self.0.remove(name)
    }

    /// Whether there is a weight of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Names and weights in the order of the names.
    pub fn iter(&self) -> btree_map::Iter<'_, String, Weight> {
        self.0.iter()
    }

    /// The same, as files want them.
    pub fn by_name(&self) -> BTreeMap<String, &Weight> {
        self.0.iter().map(|(name, weight)| (name.clone(), weight)).collect()
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The number of tensors.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The number of values in all tensors together.
    pub fn count(&self) -> usize {
        self.0.values().map(Weight::len).sum()
    }

    /// The weights of the given names; names that are not there are left out.
    pub fn only(&self, names: &BTreeSet<String>) -> Self {
        names.iter().filter_map(|name| Some((name.clone(), self.get(name)?.clone()))).collect()
    }

    /// The weights whose qualified name begins with `component/`, still qualified.
    pub fn component(&self, component: &str) -> Self {
        let all = self.beginning(&format!("{component}/"));
        all.map(|(name, weight)| (name.clone(), weight.clone())).collect()
    }

    /// The weights whose qualified names begin with `prefix`, in order.
    pub(crate) fn beginning<'a>(
        &'a self,
        prefix: &str,
    ) -> impl Iterator<Item = (&'a String, &'a Weight)> + use<'a> {
        let prefix = prefix.to_owned();
        self.0.range(prefix.clone()..).take_while(move |(name, _)| name.starts_with(&prefix))
    }

    /// Whether any weight's qualified name begins with `component/`.
    pub fn has_component(&self, component: &str) -> bool {
        self.beginning(&format!("{component}/")).next().is_some()
    }

    /// These weights with those of `other` put over them.
    pub fn overlaid(&self, other: &Self) -> Self {
        let mut all = self.clone();
        all.extend(other.clone());
        all
    }

    /// The weights whose name begins with `part/`, without that beginning.
    pub fn within(&self, part: &str) -> Self {
        let prefix = part.len() + 1;
        let inside = self.component(part);
        inside.iter().map(|(name, weight)| (name[prefix..].to_owned(), weight.clone())).collect()
    }

    /// The same weights with `part/` before their names: [`Weights::within`] the other way.
    pub fn under(&self, part: &str) -> Self {
        let named = |(name, weight): (&String, &Weight)| (format!("{part}/{name}"), weight.clone());
        self.iter().map(named).collect()
    }

    /// Every weight plus `factor` times the one of the same name in `other`, where there is one.
    pub fn plus(&self, other: &Self, factor: f64) -> Self {
        self.map(|name, weight| match other.get(name) {
            Some(other) => Weight::from_flat(weight.flat() + other.flat() * factor, weight.shape()),
            None => weight.clone(),
        })
    }

    /// Every weight times `factor`, in the memory that it lies in where nobody else holds that.
    pub fn scaled(self, factor: f64) -> Self {
        self.into_iter().map(|(name, weight)| (name, weight.scaled(factor))).collect()
    }

    /// The sum of both; what only one of them has is as it is there. No tensor is held longer than it is needed.
    pub fn joined(mut self, other: Self) -> Self {
        for (name, weight) in other {
            let sum = match self.remove(&name) {
                Some(own) => {
                    let shape = weight.shape().to_vec();
                    Weight::from_flat(weight.into_flat() + own.into_flat(), &shape)
                }
                None => weight,
            };
            self.insert(name, sum);
        }
        self
    }

    /// `a` times every weight plus `b` times the one of the same name in `other`, where `shares` gives (a, b) for the two; what only one
    /// of them has is multiplied by its number of `alone`. No tensor is held longer than it is needed.
    pub fn mixed(
        mut self,
        other: Self,
        alone: (f64, f64),
        mut shares: impl FnMut(&Weight, &Weight) -> (f64, f64),
    ) -> Self {
        let mut all = Self::new();
        for (name, other) in other {
            let mixed = match self.remove(&name) {
                Some(own) => {
                    let (a, b) = shares(&own, &other);
                    let shape = own.shape().to_vec();
                    Weight::from_flat(own.into_flat() * a + other.into_flat() * b, &shape)
                }
                None => other.scaled(alone.1),
            };
            all.insert(name, mixed);
        }
        all.extend(self.scaled(alone.0));
        all
    }

    /// Every weight times the one of the same name in `other`, element by element, where there is one; in the memory that the weights lie in where nobody else
    /// holds that. `other` may be in another format.
    pub fn times(self, other: &Self) -> Self {
        let times = |(name, weight): (String, Weight)| {
            let Some(other) = other.get(&name) else { return (name, weight) };
            let shape = weight.shape().to_vec();
            let weight = weight.into_flat();
            let other = other.flat().cast(weight.dtype());
            (name, Weight::from_flat(weight * other, &shape))
        };
        self.into_iter().map(times).collect()
    }

    /// Every weight replaced by what `change` makes of it.
    pub fn map(&self, mut change: impl FnMut(&str, &Weight) -> Weight) -> Self {
        self.0.iter().map(|(name, weight)| (name.clone(), change(name, weight))).collect()
    }
}

impl FromIterator<(String, Weight)> for Weights {
    fn from_iter<I: IntoIterator<Item = (String, Weight)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl Extend<(String, Weight)> for Weights {
    fn extend<I: IntoIterator<Item = (String, Weight)>>(&mut self, pairs: I) {
        self.0.extend(pairs);
    }
}

impl IntoIterator for Weights {
    type Item = (String, Weight);
    type IntoIter = btree_map::IntoIter<String, Weight>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Weights {
    type Item = (&'a String, &'a Weight);
    type IntoIter = btree_map::Iter<'a, String, Weight>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
