//! The drawn examples that a training recipe asks for.
use std::collections::BTreeMap;

use oubliette_canvas::{self as canvas, Captioned, SIDE, Selection, patterns};
use oubliette_model::train::jobs::{Data, Example, Examples};
use oubliette_model::{Error, Result};

/// What a picture without any of the world's objects is labelled with.
const NOTHING: &str = "nothing";

/// The examples of a recipe's `[data]`: none where it names no world.
pub(crate) fn examples(data: &Data) -> Result<Box<dyn Examples>> {
    match data.world.as_deref() {
        None => Ok(Box::new(Drawn { scenes: Vec::new(), outside: 0, seed: 0 })),
        Some("canvas") => Ok(Box::new(Drawn::new(data)?)),
        Some(world) => {
            let why = format!("is `{world}`");
            Err(Error::setting("data.world", why, "the world that can be drawn is `canvas`"))
        }
    }
}

/// Scenes of the canvas, then patterns from outside it.
struct Drawn {
    scenes: Vec<Captioned>,
    outside: usize,
    seed: u64,
}

impl Drawn {
    fn new(data: &Data) -> Result<Self> {
        let known = |name: &&String| !canvas::objects::ALL.iter().any(|o| o.name == **name);
        if let Some(name) = data.without.iter().find(known) {
            let names: Vec<_> = canvas::objects::ALL.iter().map(|o| o.name).collect();
            let why = format!("names `{name}`, which the canvas does not have");
            return Err(Error::setting(
                "data.without",
                why,
                format!("choose of {}", names.join(", ")),
            ));
        }
        let selection = Selection { without: data.without.clone(), ..Selection::default() };
        let scenes = canvas::sample(data.seed, data.count, &selection);
        Ok(Self { scenes, outside: data.outside, seed: data.seed })
    }
}

impl Examples for Drawn {
    fn len(&self) -> usize {
        self.scenes.len() + self.outside
    }

    fn example(&self, index: usize) -> Result<Example> {
        let Some(Captioned { scene, caption }) = self.scenes.get(index) else {
            let row = patterns::row(self.seed, (index - self.scenes.len()) as u64, SIDE);
            let labels = labels([("object", NOTHING)]);
            return Ok(Example { picture: row.picture, caption: row.caption, labels });
        };
        let labels = labels([
            ("object", scene.object.name),
            ("superclass", scene.object.superclass.name()),
            ("style", scene.style.name),
            ("colour", scene.colour.name),
        ]);
        Ok(Example { picture: scene.draw(SIDE), caption: caption.clone(), labels })
    }
}

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect()
}
