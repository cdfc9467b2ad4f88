//! Networks as plain architecture values: their weights come as an argument.

mod activation;
mod attention;
mod clip;
mod clip_layer;
mod clip_text;
mod clip_vision;
mod inception;
mod limits;
mod patches;
mod recompute;
mod resnet;
pub(crate) mod rows;
mod shapes;
mod time_embedding;
mod transformer;
mod unet;
mod unet_blocks;
mod unet_build;
mod unet_config;
mod vae;
mod vae_blocks;
mod vae_config;
mod vit;
mod watched;

pub use clip::ClipModel;
pub use clip_text::{ClipText, ClipTextConfig, ClipTextOutput};
pub use clip_vision::ClipVisionConfig;
pub use inception::Inception;
pub use patches::Patches;
pub use shapes::{ShapeScope, Shapes};
pub use unet::UNet;
pub use unet_config::UNetConfig;
pub use vae::Vae;
pub use vae_config::VaeConfig;
pub use vit::Vit;
pub use watched::{Attended, Watched};
