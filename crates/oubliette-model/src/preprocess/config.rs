//! `preprocessor_config.json`, in the forms of 2022 and of today.

use std::path::Path;

use serde_json::{Map, Value};

use crate::error::Result;
use crate::preprocess::resize::Filter;
use crate::store::Fields;

const LARGEST_SIDE: usize = 4096;

/// How large a resized picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Exactly this width and height.
    Exact(u32, u32),
    /// The shorter side this long, the other in proportion, rounded down.
    Shortest(u32),
}

impl Target {
    /// Width and height after resizing a picture of `width` by `height`.
    pub fn size(self, width: u32, height: u32) -> (u32, u32) {
        let scaled = |side: u32, short: u32, long: u32| {
            (u64::from(side) * u64::from(long) / u64::from(short.max(1))) as u32
        };
        match self {
            Self::Exact(width, height) => (width, height),
            Self::Shortest(side) if width <= height => (side, scaled(side, width, height)),
            Self::Shortest(side) => (scaled(side, height, width), side),
        }
    }
}

/// The steps from a picture to numbers; what is `None` is left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Preprocessor {
    /// New size, and how pixels are mixed.
    pub resize: Option<(Target, Filter)>,
    /// Width and height of the middle that is kept.
    pub crop: Option<(u32, u32)>,
    /// What levels 0..255 are multiplied by.
    pub rescale: Option<f64>,
    /// Mean and standard deviation of each channel.
    pub normalise: Option<([f32; 3], [f32; 3])>,
}

/// What a processor class does where its file says nothing.
struct Defaults {
    shortest: bool,
    side: usize,
    resample: usize,
    crop: bool,
    mean: [f64; 3],
    std: [f64; 3],
}

const CLIP: Defaults = Defaults {
    shortest: true,
    side: 224,
    resample: 3,
    crop: true,
    mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
    std: [0.268_629_54, 0.261_302_58, 0.275_777_11],
};
const VIT: Defaults = Defaults {
    shortest: false,
    side: 224,
    resample: 2,
    crop: false,
    mean: [0.5; 3],
    std: [0.5; 3],
};

/// Keys that mean nothing here: pictures are always red, green and blue, and sizes are read as they stand.
const IDLE: [&str; 11] = [
    "auto_map",
    "data_format",
    "default_to_square",
    "device",
    "disable_grouping",
    "do_convert_rgb",
    "input_data_format",
    "pad_size",
    "processor_class",
    "return_tensors",
    "transformers_version",
];

impl Preprocessor {
    /// Reads the object of `preprocessor_config.json`; `path` is named in errors.
    ///
    /// # Errors
    /// A key has a value that is malformed or not supported, or is not known.
    pub fn from_json(path: &Path, map: &Map<String, Value>) -> Result<Self> {
        let fields = Fields::new(path, map);
        let defaults = defaults(&fields)?;
        let resample = fields.count("resample", defaults.resample, 5)?;
        let filter = match resample {
            2 => Filter::Bilinear,
            3 => Filter::Bicubic,
            _ => {
                let remedy = "only 2 (bilinear) and 3 (bicubic) are supported";
                return Err(fields.error("resample", format!("is {resample}"), remedy));
            }
        };
        let target = target(&fields, defaults)?;
        let mean = channels(&fields, "image_mean", defaults.mean)?;
        let std = channels(&fields, "image_std", defaults.std)?;
        if std.iter().any(|&value| value <= 0.0) {
            return Err(fields.error("image_std", "is not positive", "use the released file"));
        }
        let factor = fields.real("rescale_factor", 1.0 / 255.0, 0.0, 1.0)?;
        let crop = crop(&fields, defaults)?;
        let read = Self {
            resize: fields.flag("do_resize", true)?.then_some((target, filter)),
            crop: fields.flag("do_center_crop", defaults.crop)?.then_some(crop),
            rescale: fields.flag("do_rescale", true)?.then_some(factor),
            normalise: fields.flag("do_normalize", true)?.then_some((mean, std)),
        };
        fields.neutral("do_pad", &[false.into()])?;
        fields.neutral("use_square_size", &[false.into()])?;
        for key in IDLE {
            fields.value(key);
        }
        fields.refuse_unknown()?;
        Ok(read)
    }
}

fn defaults(fields: &Fields<'_>) -> Result<&'static Defaults> {
    let old = fields.text("feature_extractor_type", "")?;
    let name = fields.text("image_processor_type", &old)?;
    let family = ["CLIP", "ViT"].into_iter().find(|family| name.starts_with(family));
    match family {
        Some("CLIP") => Ok(&CLIP),
        Some(_) => Ok(&VIT),
        None => {
            let why = format!("is `{name:.60}`, which is not supported");
            let remedy = "use a model with CLIPImageProcessor or ViTImageProcessor";
            Err(fields.error("image_processor_type", why, remedy))
        }
    }
}

/// `size`: a number, `{shortest_edge}` or `{height, width}`.
fn target(fields: &Fields<'_>, defaults: &Defaults) -> Result<Target> {
    let square = |side: u32| match defaults.shortest {
        true => Target::Shortest(side),
        false => Target::Exact(side, side),
    };
    match fields.value("size") {
        None => Ok(square(defaults.side as u32)),
        Some(Value::Object(map)) if map.contains_key("shortest_edge") => {
            Ok(Target::Shortest(side(fields, "size", map.get("shortest_edge"))?))
        }
        Some(Value::Object(map)) => {
            let width = side(fields, "size", map.get("width"))?;
            Ok(Target::Exact(width, side(fields, "size", map.get("height"))?))
        }
        value => Ok(square(side(fields, "size", value)?)),
    }
}

/// `crop_size`: a number or `{height, width}`.
fn crop(fields: &Fields<'_>, defaults: &Defaults) -> Result<(u32, u32)> {
    match fields.value("crop_size") {
        None => Ok((defaults.side as u32, defaults.side as u32)),
        Some(Value::Object(map)) => {
            let width = side(fields, "crop_size", map.get("width"))?;
            Ok((width, side(fields, "crop_size", map.get("height"))?))
        }
        value => side(fields, "crop_size", value).map(|side| (side, side)),
    }
}

fn side(fields: &Fields<'_>, key: &str, value: Option<&Value>) -> Result<u32> {
    let side =
        value.and_then(Value::as_u64).filter(|side| (1..=LARGEST_SIDE as u64).contains(side));
    let wrong = || fields.error(key, "is malformed", format!("give sides of 1 to {LARGEST_SIDE}"));
    side.map(|side| side as u32).ok_or_else(wrong)
}

fn channels(fields: &Fields<'_>, key: &str, default: [f64; 3]) -> Result<[f32; 3]> {
    let values = fields.reals(key, 3)?.unwrap_or_else(|| default.to_vec());
    Ok([values[0] as f32, values[1] as f32, values[2] as f32])
}
