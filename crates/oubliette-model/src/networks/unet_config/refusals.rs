//! Refuses U-Nets other than those of Stable Diffusion 1.x and 2.x.

use serde_json::json;

use crate::error::Result;
use crate::store::Fields;

/// Refuses keys whose value makes another architecture of it.
pub(super) fn refuse_other_models(fields: &Fields<'_>) -> Result<()> {
    let only_null: [&str; 12] = [
        "num_attention_heads",
        "class_embed_type",
        "num_class_embeds",
        "projection_class_embeddings_input_dim",
        "addition_embed_type",
        "addition_time_embed_dim",
        "encoder_hid_dim",
        "encoder_hid_dim_type",
        "time_embedding_act_fn",
        "timestep_post_act",
        "time_cond_proj_dim",
        "cross_attention_norm",
    ];
    for key in only_null {
        fields.neutral(key, &[])?;
    }
    // These two mean nothing to the blocks that are supported.
    fields.value("addition_embed_type_num_heads");
    fields.value("mid_block_only_cross_attention");
    fields.neutral("act_fn", &[json!("silu"), json!("swish")])?;
    fields.neutral("dropout", &[json!(0.0), json!(0)])?;
    fields.neutral("dual_cross_attention", &[json!(false)])?;
    fields.neutral("class_embeddings_concat", &[json!(false)])?;
    fields.neutral("resnet_time_scale_shift", &[json!("default")])?;
    fields.neutral("resnet_skip_time_act", &[json!(false)])?;
    fields.neutral("resnet_out_scale_factor", &[json!(1.0), json!(1)])?;
    fields.neutral("time_embedding_type", &[json!("positional")])?;
    fields.neutral("attention_type", &[json!("default")])
}
