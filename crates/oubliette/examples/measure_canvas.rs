//! Measures the embedded model: `measure_canvas WORKSHOP [PICTURES]` writes `measured.json` and contact sheets there.
//!
//! The captions name combinations of object, style and colour that no part of the model was trained on. The judges are
//! also asked about drawn pictures, about pictures that show nothing, and about what the twin draws when it is asked for
//! an object that it never saw.
use std::collections::BTreeMap;
use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;

use image::{RgbImage, imageops};
use oubliette_canvas::{Captioned, KeptBack, SIDE, Selection, objects, patterns, sample, styles};
use oubliette_model::device::DeviceKind;
use oubliette_model::families::{Classifier, Clip, LoadOptions, StableDiffusion};
use oubliette_model::sample::Request;
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const STEPS: usize = 20;
const GUIDANCE: f32 = 4.0;
const NEVER_SEEN: &str = "cat";
const NOTHING: &str = "nothing";

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let shop = arguments.next().ok_or("name the workshop's folder")?;
    let count = arguments.next().map_or(Ok(200), |n| n.parse())?;
    let bench = Bench::open(Path::new(&shop))?;
    let test = Selection { kept_back: KeptBack::Only, ..Selection::default() };
    let asked = sample(77, count, &test);
    let drawn: Vec<RgbImage> = asked.iter().map(|row| row.scene.draw(SIDE)).collect();
    let made = bench.generate(&bench.model, asked.iter().map(|row| row.caption.clone()))?;
    sheet(&made[..made.len().min(96)], 12).save(bench.file("unseen.png"))?;
    let report = json!({
        "how": format!("{count} captions of kept-back combinations, {STEPS} steps of the folder's sampler, guidance {GUIDANCE}"),
        "generated": bench.judged(&asked, &made)?,
        "drawn": bench.judged(&asked, &drawn)?,
        "objects": bench.by_name()?,
        "nothing": bench.nothing()?,
        "twin": bench.twin()?,
    });
    std::fs::write(bench.file("measured.json"), format!("{report:#}\n"))?;
    Ok(())
}

/// The models of a workshop.
struct Bench<'a> {
    shop: &'a Path,
    model: StableDiffusion,
    twin: StableDiffusion,
    clip: Clip,
    object: Classifier,
    style: Classifier,
}

impl<'a> Bench<'a> {
    fn open(shop: &'a Path) -> Result<Self> {
        let device = DeviceKind::default().open()?;
        let pipeline =
            |name: &str| StableDiffusion::load(&shop.join(name), &LoadOptions::on(device.clone()));
        Ok(Self {
            shop,
            model: pipeline("model")?,
            twin: pipeline("without-cat")?,
            clip: Clip::load(&shop.join("clip"), &device)?,
            object: Classifier::load(&shop.join("judge-object"), &device)?,
            style: Classifier::load(&shop.join("judge-style"), &device)?,
        })
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.shop.join(name)
    }

    fn generate(
        &self,
        model: &StableDiffusion,
        prompts: impl Iterator<Item = String>,
    ) -> Result<Vec<RgbImage>> {
        let request = |(seed, prompt)| Request {
            prompt,
            seed,
            steps: STEPS,
            guidance: GUIDANCE,
            ..Request::default()
        };
        let requests: Vec<_> = (1000..).zip(prompts).map(request).collect();
        let sampler = model.schedule.sampler()?;
        let mut go_on = |_| ControlFlow::Continue(());
        Ok(model.generate(&model.weights, &requests, sampler, 16, &mut go_on)?)
    }

    /// The most likely label of each picture and its probability.
    fn labels(&self, judge: &Classifier, pictures: &[RgbImage]) -> Vec<(String, f64)> {
        let found = judge.probabilities(pictures, self.model.device());
        let [_, labels] = found.dims();
        let values: Vec<f32> = found.into_data().iter::<f32>().collect();
        let best = |row: &[f32]| {
            let best = (0..labels).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap_or(0);
            (judge.network.labels[best].clone(), f64::from(row[best]))
        };
        values.chunks(labels).map(best).collect()
    }

    /// How often the judges name what was asked for, and how well CLIP finds that pictures fit captions.
    fn judged(&self, asked: &[Captioned], pictures: &[RgbImage]) -> Result<Value> {
        let (objects, styles) =
            (self.labels(&self.object, pictures), self.labels(&self.style, pictures));
        let (mut object, mut style, mut both) = (0, 0, 0);
        let mut wrong = Vec::new();
        for (row, (o, s)) in asked.iter().zip(objects.iter().zip(&styles)) {
            let (right_o, right_s) = (o.0 == row.scene.object.name, s.0 == row.scene.style.name);
            object += usize::from(right_o);
            style += usize::from(right_s);
            both += usize::from(right_o && right_s);
            if !(right_o && right_s) {
                wrong.push(json!([row.caption, o.0, s.0]));
            }
        }
        let share = |n: usize| n as f64 / pictures.len() as f64;
        let captions: Vec<String> = asked.iter().map(|row| row.caption.clone()).collect();
        Ok(json!({
            "pictures": pictures.len(),
            "object": share(object),
            "style": share(style),
            "both": share(both),
            "alignment": self.alignment(&captions, pictures)?,
            "wrong": wrong,
        }))
    }

    /// The mean cosine of pictures and their captions.
    fn alignment(&self, captions: &[String], pictures: &[RgbImage]) -> Result<f64> {
        let device = self.model.device();
        let cosine = self.clip.image_embeddings(pictures, device)
            * self.clip.text_embeddings(captions, device)?;
        Ok(f64::from(cosine.sum_dim(1).mean().into_scalar::<f32>()))
    }

    /// "a cat", "an ink drawing of a cat" and so on: how often the judge names the object.
    fn by_name(&self) -> Result<Value> {
        let mut found = BTreeMap::new();
        for object in objects::ALL {
            let pictures = self.generate(&self.model, prompts(object.name))?;
            let labels = self.labels(&self.object, &pictures);
            let right = labels.iter().filter(|(label, _)| label == object.name).count();
            found.insert(object.name, right as f64 / pictures.len() as f64);
        }
        Ok(json!(found))
    }

    /// What the judge says about pictures that show none of the objects.
    fn nothing(&self) -> Result<Value> {
        let patterns: Vec<RgbImage> =
            patterns::sample(78, 200, SIDE).into_iter().map(|row| row.picture).collect();
        let noise: Vec<RgbImage> = (0..200).map(noise).collect();
        let said = |pictures: &[RgbImage]| {
            let labels = self.labels(&self.object, pictures);
            let object = labels.iter().filter(|(label, _)| label != NOTHING);
            let sure = object.clone().filter(|(_, probability)| *probability > 0.8).count();
            let share = |n: usize| n as f64 / pictures.len() as f64;
            json!({ "an object": share(object.count()), "with probability above 0.8": share(sure) })
        };
        Ok(json!({ "patterns": said(&patterns), "noise": said(&noise) }))
    }

    /// What the twin draws when it is asked for the object that it never saw, and how it draws the others.
    fn twin(&self) -> Result<Value> {
        let pictures = self.generate(&self.twin, prompts(NEVER_SEEN).chain(prompts(NEVER_SEEN)))?;
        sheet(&pictures, 12).save(self.file("twin.png"))?;
        let labels = self.labels(&self.object, &pictures);
        let mut named = BTreeMap::<&str, usize>::new();
        labels.iter().for_each(|(label, _)| *named.entry(label).or_default() += 1);
        let cat = labels.iter().filter(|(label, _)| label == NEVER_SEEN);
        let sure = cat.clone().filter(|(_, probability)| *probability > 0.8).count();
        let without = vec![NEVER_SEEN.to_owned()];
        let others = Selection { kept_back: KeptBack::Only, without, ..Selection::default() };
        let asked = sample(79, 100, &others);
        let made = self.generate(&self.twin, asked.iter().map(|row| row.caption.clone()))?;
        Ok(json!({
            "asked for": NEVER_SEEN,
            "pictures": pictures.len(),
            "judged so": cat.count() as f64 / pictures.len() as f64,
            "with probability above 0.8": sure as f64 / pictures.len() as f64,
            "named instead": named,
            "others": self.judged(&asked, &made)?,
        }))
    }
}

/// Twelve ways to ask for an object.
fn prompts(object: &str) -> impl Iterator<Item = String> {
    let object = object.to_owned();
    let plain = [format!("a {object}"), format!("a picture of a {object}")];
    let styled = styles::ALL.iter().map({
        let object = object.clone();
        move |style| format!("a {} of a {object}", style.noun)
    });
    let coloured =
        ["a red", "a blue", "a green", "a flat pink", "a neon yellow", "a watercolour blue"];
    let coloured = coloured.map(|words| format!("{words} {object}"));
    plain.into_iter().chain(styled).chain(coloured)
}

/// Blotches of random colours.
fn noise(seed: u32) -> RgbImage {
    let cells = 2 + seed % 15;
    let shade = |x: u32, y: u32, c: u32| {
        let mut h =
            (seed * 7919 + x * 104_729 + y * 1_299_709 + c * 31).wrapping_mul(2_654_435_761);
        h ^= h >> 15;
        (h.wrapping_mul(2_246_822_519) >> 24) as u8
    };
    let small = RgbImage::from_fn(cells, cells, |x, y| {
        image::Rgb([shade(x, y, 0), shade(x, y, 1), shade(x, y, 2)])
    });
    imageops::resize(&small, SIDE, SIDE, imageops::FilterType::Triangle)
}

fn sheet(pictures: &[RgbImage], columns: usize) -> RgbImage {
    let rows = pictures.len().div_ceil(columns) as u32;
    let mut page = RgbImage::new(SIDE * columns as u32, SIDE * rows);
    for (i, picture) in pictures.iter().enumerate() {
        let (x, y) = ((i % columns) as u32 * SIDE, (i / columns) as u32 * SIDE);
        imageops::replace(&mut page, picture, x.into(), y.into());
    }
    page
}
