//! Scenes drawn at random; the i-th scene depends on the seed and on i alone.
use rand::SeedableRng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use crate::captions::{Template, caption};
use crate::scene::Scene;
use crate::{colours, objects, styles};

/// Which scenes a sample may hold.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Objects by name; empty means all.
    pub only: Vec<String>,
    /// Objects by name that never appear.
    pub without: Vec<String>,
    /// What happens to combinations of object, style and colour that are kept for testing.
    pub kept_back: KeptBack,
}

/// Whether a sample shows the combinations that are kept for testing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeptBack {
    /// It leaves them out: training data.
    #[default]
    Leave,
    /// It shows nothing else: test data.
    Only,
    /// It makes no difference between them and others.
    Include,
}

/// A scene and what is said about it.
#[derive(Clone, Debug)]
pub struct Captioned {
    /// The picture before it is drawn.
    pub scene: Scene,
    /// The words.
    pub caption: String,
}

/// Whether this combination is kept for testing: one in six, spread evenly over objects, styles and colours.
pub fn is_kept_back(object: &str, style: &str, colour: &str) -> bool {
    let o = objects::ALL.iter().position(|o| o.name == object).unwrap_or(0);
    let s = styles::ALL.iter().position(|s| s.name == style).unwrap_or(0);
    let c = colours::ALL.iter().position(|c| c.name == colour).unwrap_or(0);
    (o + 3 * s + 5 * c) % 6 == 0
}

/// `n` scenes with captions. The first scenes of a longer sample are those of a shorter one. Nothing is drawn where the
/// selection leaves no object.
pub fn sample(seed: u64, n: usize, selection: &Selection) -> Vec<Captioned> {
    let objects: Vec<_> = objects::ALL.iter().filter(|o| selection.shows(o.name)).collect();
    (0..n as u64).filter_map(|i| one(seed, i, &objects, selection.kept_back)).collect()
}

fn one(
    seed: u64,
    index: u64,
    objects: &[&'static objects::Object],
    kept_back: KeptBack,
) -> Option<Captioned> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(index);
    loop {
        let (object, style) = (*objects.choose(&mut rng)?, styles::ALL.choose(&mut rng)?);
        let colour = colours::ALL.choose(&mut rng)?;
        let kept = is_kept_back(object.name, style.name, colour.name);
        if kept_back == KeptBack::Include || kept == (kept_back == KeptBack::Only) {
            let scene = Scene::arrange(object, style, colour, &mut rng);
            let template = match kept_back {
                KeptBack::Only => *Template::WHOLE.choose(&mut rng)?,
                _ => Template::draw(&mut rng),
            };
            return Some(Captioned { caption: caption(&scene, template), scene });
        }
    }
}

impl Selection {
    fn shows(&self, object: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|name| name == object);
        (self.only.is_empty() || named(&self.only)) && !named(&self.without)
    }
}
