//! A scene with everything that tiny runs need: models, a judge, pictures, a concept and recipes.
use crate::forge;
use crate::scene::Scene;

const CONCEPT: &str = r#"schema = 1
id = "fox"
kind = "object"
names = ["fox"]
superclass = "animal"
keep = ["cat"]
prompts = ["a {name}"]
[[detector]]
kind = "classifier"
model = "judge"
label = "fox"
[claim]
tolerated = 0.05
returned = 0.30
false_alarm = 0.05
missed_return = 0.05
keep_margin = 0.05
"#;

const UNLEARN: &str = r#"schema = 1
task = "unlearn"
seed = 3
model = "model"
concept = "fox.toml"
out = "forgot"
[method]
name = "esd"
steps = 4
sampling_steps = 4
"#;

const UPDATE: &str = r#"schema = 1
task = "update"
seed = 3
model = "model"
data = "pictures"
out = "updated"
[train]
steps = 4
batch = 2
learning_rate = 1e-4
"#;

const AUDIT: &str = r#"schema = 1
task = "audit"
seed = 3
concept = "fox.toml"
[subjects]
original = "model"
unlearned = "other"
[sampling]
sampler = "ddim"
steps = 2
guidance = 2.0
batch = 2
[samples]
per_arm = 4
keep = 2
worst = 0
[[attack]]
name = "direct"
[[attack]]
name = "finetune"
data = "pictures"
steps = [2]
train = { batch = 2 }
"#;

/// The scene; the subjects are two copies of one tiny model.
pub(crate) fn bench() -> Scene {
    let scene = Scene::with_model();
    scene.bring("tiny-sd1", "other");
    scene.bring("tiny-vit", "judge");
    scene.write("fox.toml", CONCEPT);
    scene.write("unlearn.toml", UNLEARN);
    scene.write("update.toml", UPDATE);
    scene.write("audit.toml", AUDIT);
    scene.write("prompts.csv", "prompt,seed\na fox,1\n");
    let mut captions = String::new();
    for number in 0..3 {
        scene.write(format!("pictures/{number}.png"), forge::png(16 + number));
        captions += &format!("{{\"file_name\": \"{number}.png\", \"text\": \"a car\"}}\n");
    }
    scene.write("pictures/metadata.jsonl", captions);
    scene
}
