//! What is said about a picture: whole descriptions, and some that leave things out.
use rand::Rng;
use rand::seq::IndexedRandom;

use crate::scene::Scene;

/// A form of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// "a flat red cat".
    Plain,
    /// "an ink drawing of a red cat".
    Work,
    /// "a red cat in neon style".
    Manner,
    /// "a neon sign of a cat": no colour.
    Colourless,
    /// "a red cat": no style.
    Styleless,
    /// "a cat".
    Bare,
    /// "a picture of a cat".
    Picture,
    /// "a neon sign of an animal".
    StyledSuperclass,
    /// "an animal".
    Superclass,
}

impl Template {
    /// Every form.
    pub const ALL: [Template; 9] = [
        Self::Plain,
        Self::Work,
        Self::Manner,
        Self::Colourless,
        Self::Styleless,
        Self::Bare,
        Self::Picture,
        Self::StyledSuperclass,
        Self::Superclass,
    ];

    /// The forms that name object, style and colour.
    pub const WHOLE: [Template; 3] = [Self::Plain, Self::Work, Self::Manner];

    /// A form drawn at random; whole descriptions are the most common.
    pub fn draw(rng: &mut impl Rng) -> Self {
        let weight = |t: &Template| match t {
            Self::Plain | Self::Work | Self::Manner => 4,
            Self::Colourless | Self::Bare => 3,
            Self::Styleless | Self::Picture => 2,
            Self::StyledSuperclass | Self::Superclass => 1,
        };
        *Self::ALL.choose_weighted(rng, weight).expect("the weights are positive")
    }
}

/// The words for a scene.
pub fn caption(scene: &Scene, template: Template) -> String {
    let (object, kind) = (scene.object.name, scene.object.superclass.name());
    let (colour, style, noun) = (scene.colour.name, scene.style.name, scene.style.noun);
    match template {
        Template::Plain => a(&format!("{style} {colour} {object}")),
        Template::Work => a(&format!("{noun} of {}", a(&format!("{colour} {object}")))),
        Template::Manner => a(&format!("{colour} {object} in {style} style")),
        Template::Colourless => a(&format!("{noun} of {}", a(object))),
        Template::Styleless => a(&format!("{colour} {object}")),
        Template::Bare => a(object),
        Template::Picture => format!("a picture of {}", a(object)),
        Template::StyledSuperclass => a(&format!("{noun} of {}", a(kind))),
        Template::Superclass => a(kind),
    }
}

/// The words with their article.
fn a(words: &str) -> String {
    let article = if words.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {words}")
}
