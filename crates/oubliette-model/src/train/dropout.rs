//! Caption dropout: classifier-free guidance needs a model that has also seen pictures without their caption.

use rand::Rng;

use super::StepRandom;

/// The captions of a batch, each replaced by the empty one with probability `rate`.
///
/// What is dropped depends on the run's seed, the step and the place in the batch alone.
pub fn dropped_captions(captions: &[String], rate: f64, random: &StepRandom) -> Vec<String> {
    let mut generator = random.of("captions");
    let keep = |caption: &String| {
        let dropped = generator.random::<f64>() < rate;
        if dropped { String::new() } else { caption.clone() }
    };
    captions.iter().map(keep).collect()
}
