//! Which weight of the model a tensor of an adapter file belongs to, under every name that is in use.

use std::collections::BTreeMap;

use crate::weights::Weights;

/// What a tensor of an adapter file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    /// The first half, (rank, inputs).
    A,
    /// The second half, (outputs, rank).
    B,
    /// The pair's alpha.
    Alpha,
}

/// How the names end: PEFT's, diffusers' of three years, kohya's.
const ENDINGS: [(&str, Half); 13] = [
    (".lora_A.weight", Half::A),
    (".lora_B.weight", Half::B),
    (".lora_A.default.weight", Half::A),
    (".lora_B.default.weight", Half::B),
    (".lora.down.weight", Half::A),
    (".lora.up.weight", Half::B),
    ("_lora.down.weight", Half::A),
    ("_lora.up.weight", Half::B),
    (".lora_linear_layer.down.weight", Half::A),
    (".lora_linear_layer.up.weight", Half::B),
    (".lora_down.weight", Half::A),
    (".lora_up.weight", Half::B),
    (".alpha", Half::Alpha),
];

/// A tensor's layer and which half it is; none where the name says neither.
pub(super) fn split(key: &str) -> Option<(&str, Half)> {
    ENDINGS.iter().find_map(|(ending, half)| Some((key.strip_suffix(ending)?, *half)))
}

/// The model's weights by the names that adapter files give their layers.
pub(super) struct Layers<'a> {
    weights: &'a Weights,
    /// kohya joins the parts of a name by underscores.
    joined: BTreeMap<String, &'a str>,
}

impl<'a> Layers<'a> {
    pub(super) fn new(weights: &'a Weights) -> Self {
        let prefixes = [
            ("unet/", "lora_unet_"),
            ("text_encoder/", "lora_te_"),
            ("text_encoder/", "lora_te1_"),
        ];
        let mut joined = BTreeMap::new();
        for name in weights.names() {
            for (component, prefix) in prefixes {
                let layer =
                    name.strip_prefix(component).and_then(|name| name.strip_suffix(".weight"));
                if let Some(layer) = layer {
                    joined.insert(format!("{prefix}{}", layer.replace('.', "_")), name);
                }
            }
        }
        Self { weights, joined }
    }

    /// The qualified name of the weight that `layer` means.
    pub(super) fn find(&self, layer: &str) -> Option<&'a str> {
        if let Some(name) = self.joined.get(layer) {
            return Some(name);
        }
        let layer =
            layer.strip_prefix("base_model.model.").unwrap_or(layer).replace(".processor.", ".");
        let (components, layer): (&[&str], &str) = match layer.split_once('.') {
            Some(("unet", rest)) => (&["unet/"], rest),
            Some(("text_encoder", rest)) => (&["text_encoder/", "text_encoder/text_model."], rest),
            _ => (&["unet/", "text_encoder/", "text_encoder/text_model."], &layer),
        };
        let spellings = [layer.to_owned(), format!("{layer}.0"), of_text_encoder(layer)];
        let named = components.iter().flat_map(|component| {
            spellings.iter().map(move |name| format!("{component}{name}.weight"))
        });
        let found = named.into_iter().find(|name| self.weights.contains(name))?;
        self.weights.names().find(|name| *name == found)
    }
}

/// diffusers of 2023 called the text encoder's projections as it called the denoiser's.
fn of_text_encoder(layer: &str) -> String {
    let projections = [
        (".to_q", ".q_proj"),
        (".to_k", ".k_proj"),
        (".to_v", ".v_proj"),
        (".to_out", ".out_proj"),
    ];
    let renamed = projections
        .iter()
        .find_map(|(from, to)| Some(format!("{}{to}", layer.strip_suffix(from)?)));
    renamed.unwrap_or_else(|| layer.to_owned())
}
