//! First latents and step noise: from the seed of each request, or given.

use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use rand_distr::StandardNormal;

use super::{Request, Size};
use crate::error::{Error, Result};

/// Unit normal numbers: stream `stream` of the seed. Streams do not overlap and other draws do not disturb them.
pub fn draw(seed: u64, stream: u64, count: usize) -> Vec<f32> {
    let mut generator = ChaCha12Rng::seed_from_u64(seed);
    generator.set_stream(stream);
    (0..count).map(|_| generator.sample(StandardNormal)).collect()
}

/// The first latents of a batch, with standard deviation one.
pub(super) fn start(
    requests: &[&Request],
    channels: usize,
    size: Size,
    device: &Device,
) -> Result<Tensor<4>> {
    let one = |request: &&Request| match &request.given {
        Some(given) => fitting("latents", given.latents.clone(), channels, size),
        None => Ok(draw(request.seed, 0, channels * size.height * size.width)),
    };
    batch(requests, one, channels, size, device)
}

/// The noise that call `call` adds. Stream 0 is the latents', so calls count from 1.
pub(super) fn step(
    requests: &[&Request],
    call: usize,
    channels: usize,
    size: Size,
    device: &Device,
) -> Result<Tensor<4>> {
    let one = |request: &&Request| match request
        .given
        .as_ref()
        .filter(|given| !given.step_noise.is_empty())
    {
        Some(given) => match given.step_noise.get(call) {
            Some(noise) => fitting("step_noise", noise.clone(), channels, size),
            None => {
                let why = format!(
                    "holds noise for {} calls, call {} needs it",
                    given.step_noise.len(),
                    call + 1
                );
                Err(Error::setting("step_noise", why, "give noise for every call of the sampler"))
            }
        },
        None => Ok(draw(request.seed, 1 + call as u64, channels * size.height * size.width)),
    };
    batch(requests, one, channels, size, device)
}

fn fitting(what: &str, values: Vec<f32>, channels: usize, size: Size) -> Result<Vec<f32>> {
    let wanted = channels * size.height * size.width;
    if values.len() == wanted {
        return Ok(values);
    }
    let why = format!("holds {} numbers for a picture", values.len());
    let remedy = format!("{wanted} are needed: {channels} x {} x {}", size.height, size.width);
    Err(Error::setting(what, why, remedy))
}

fn batch<'a>(
    requests: &'a [&'a Request],
    one: impl Fn(&&'a Request) -> Result<Vec<f32>>,
    channels: usize,
    size: Size,
    device: &Device,
) -> Result<Tensor<4>> {
    let rows: Vec<Vec<f32>> = requests.iter().map(one).collect::<Result<_>>()?;
    let shape = [requests.len(), channels, size.height, size.width];
    Ok(Tensor::from_data(TensorData::new(rows.concat(), shape), device))
}
