//! Recipes, concepts, prompt files, pictures and adapters that mean harm.
use crate::bench::bench;
use crate::forge;
use crate::hostile::{Case, check};
use crate::scene::Scene;

const UNLEARN: &[&str] = &["unlearn", "unlearn.toml"];
const UPDATE: &[&str] = &["update", "update.toml"];
const AUDIT: &[&str] = &["audit", "audit.toml"];
const GENERATE: [&str; 9] =
    ["generate", "--model", "model", "--prompt", "a fox", "--steps", "2", "--out", "fox.png"];
const LATENTS: &[&str] = &[
    GENERATE[0],
    GENERATE[1],
    GENERATE[2],
    GENERATE[3],
    GENERATE[4],
    "--out",
    "fox.png",
    "--latents",
    "given",
];
const LORA: &[&str] = &[
    GENERATE[0],
    GENERATE[1],
    GENERATE[2],
    GENERATE[3],
    GENERATE[4],
    "--out",
    "fox.png",
    "--lora",
    "lora.safetensors",
];

/// Puts one text for another into a file; the other must be there.
fn swap(scene: &Scene, file: &str, from: &str, to: &str) {
    scene.edit(file, |text| {
        assert!(text.contains(from), "{file} has no `{from}`");
        text.replacen(from, to, 1)
    });
}

/// A case in which one text of a file is exchanged for another.
macro_rules! swapped {
    ($name:literal, $file:literal, $from:literal => $to:expr, $command:ident, $($says:literal),+) => {
        Case {
            name: $name,
            harm: |scene| swap(scene, $file, $from, $to),
            command: $command,
            says: &[$($says),+],
        }
    };
}

/// A case in which a file has other content.
macro_rules! replaced {
    ($name:literal, $file:literal => $bytes:expr, $command:ident, $($says:literal),+) => {
        Case {
            name: $name,
            harm: |scene| scene.write($file, $bytes),
            command: $command,
            says: &[$($says),+],
        }
    };
}

const CASES: &[Case] = &[
    swapped!("an unknown key", "unlearn.toml", "seed = 3" => "sead = 3", UNLEARN, "unlearn.toml:3", "sead"),
    swapped!("a key twice", "unlearn.toml", "seed = 3" => "seed = 3\nseed = 4", UNLEARN, "unlearn.toml:4", "duplicate"),
    swapped!("a text for a number", "unlearn.toml", "seed = 3" => "seed = \"3\"", UNLEARN, "unlearn.toml:3", "string"),
    swapped!("a seed that not every reader holds", "unlearn.toml", "seed = 3" => "seed = 9007199254740992", UNLEARN, "unlearn.toml", "seed"),
    swapped!("a schema of the future", "unlearn.toml", "schema = 1" => "schema = 2", UNLEARN, "unlearn.toml:1", "schema 1"),
    swapped!("a missing key", "unlearn.toml", "concept = \"fox.toml\"\n" => "", UNLEARN, "unlearn.toml", "concept"),
    swapped!("a recipe for another command", "unlearn.toml", "task = \"unlearn\"" => "task = \"audit\"", UNLEARN, "unlearn.toml", "audit"),
    swapped!("a result over its own source", "unlearn.toml", "out = \"forgot\"" => "out = \"model\"", UNLEARN, "unlearn.toml", "out"),
    swapped!("a method nobody knows", "unlearn.toml", "name = \"esd\"" => "name = \"wish\"", UNLEARN, "wish", "esd"),
    swapped!("a setting nobody knows", "unlearn.toml", "steps = 4" => "stepps = 4", UNLEARN, "esd", "stepps"),
    swapped!("a setting that is not a number", "unlearn.toml", "steps = 4" => "eta = nan", UNLEARN, "esd", "eta"),
    swapped!("an anchor that no loss looks at", "unlearn.toml", "steps = 4" => "steps = 4\nrelease = \"diffusers\"\nparts = { anchor = { name = \"superclass\" } }", UNLEARN, "[method.parts]", "`anchor`", "no loss"),
    swapped!("two attacks of one name", "audit.toml", "[[attack]]\nname = \"finetune\"" => "[[attack]]\nname = \"finetune\"\ndata = \"pictures\"\nsteps = [2]\ntrain = { batch = 1 }\n[[attack]]\nname = \"finetune\"", AUDIT, "`label`", "finetune/"),
    swapped!("looks that do not rise", "audit.toml", "per_arm = 4" => "per_arm = 4\nlooks = [10, 20, 100]", AUDIT, "audit.toml", "looks"),
    swapped!("a concept file that is not there", "unlearn.toml", "fox.toml" => "wolf.toml", UNLEARN, "wolf.toml"),
    replaced!("a recipe that is no TOML", "unlearn.toml" => "schema = 1\n[[[", UNLEARN, "unlearn.toml:2"),
    replaced!("a recipe that is no text", "unlearn.toml" => [0xff, 0xfe, 0x00], UNLEARN, "unlearn.toml", "UTF-8"),
    replaced!("a recipe larger than any", "unlearn.toml" => vec![b'#'; 2 << 20], UNLEARN, "unlearn.toml", "bytes"),
    swapped!("an id that is a path", "fox.toml", "id = \"fox\"" => "id = \"../fox\"", UNLEARN, "fox.toml:2", "../fox"),
    swapped!("no name", "fox.toml", "names = [\"fox\"]" => "names = []", UNLEARN, "fox.toml:4", "name"),
    swapped!("an unknown placeholder", "fox.toml", "a {name}" => "a {nmae}", UNLEARN, "fox.toml", "{nmae}"),
    swapped!("gone above back", "fox.toml", "tolerated = 0.05" => "tolerated = 0.5", UNLEARN, "fox.toml", "returned"),
    swapped!("a share that is not a number", "fox.toml", "tolerated = 0.05" => "tolerated = nan", UNLEARN, "fox.toml", "share"),
    swapped!("a prompt file that is not there", "fox.toml", "[\"a {name}\"]" => "\"nowhere.csv\"", UNLEARN, "nowhere.csv"),
    Case {
        name: "a prompt file without prompts",
        harm: |scene| {
            swap(scene, "fox.toml", "[\"a {name}\"]", "\"prompts.csv\"");
            scene.write("prompts.csv", "text_of_it,seed\nx,1\n");
        },
        command: UNLEARN,
        says: &["prompts.csv", "prompt"],
    },
    Case {
        name: "a prompt file with a broken row",
        harm: |scene| {
            swap(scene, "fox.toml", "[\"a {name}\"]", "\"prompts.csv\"");
            scene.write("prompts.csv", "prompt,seed\na fox,minus one\n");
        },
        command: UNLEARN,
        says: &["prompts.csv", "row 2", "minus one"],
    },
    swapped!("no steps", "update.toml", "steps = 4\n" => "", UPDATE, "update.toml", "steps"),
    swapped!("a training nobody knows", "update.toml", "batch = 2" => "kind = \"magic\"", UPDATE, "train", "magic"),
    swapped!("pictures that are not there", "update.toml", "\"pictures\"" => "\"nowhere\"", UPDATE, "nowhere"),
    replaced!("captions that are no JSON", "pictures/metadata.jsonl" => "{\"file_name\": ", UPDATE, "metadata.jsonl", "line 1"),
    Case {
        name: "captions that never end",
        harm: |scene| {
            std::fs::remove_file(scene.at("pictures/metadata.jsonl")).unwrap();
            std::os::unix::fs::symlink("/dev/zero", scene.at("pictures/metadata.jsonl")).unwrap();
        },
        command: UPDATE,
        says: &["metadata.jsonl", "no plain file"],
    },
    swapped!("a caption that is a number", "pictures/metadata.jsonl", "\"a car\"" => "7", UPDATE, "metadata.jsonl", "line 1"),
    swapped!("a picture outside of the folder", "pictures/metadata.jsonl", "0.png" => "../fox.toml", UPDATE, "metadata.jsonl", "../fox.toml"),
    swapped!("a picture that is missing", "pictures/metadata.jsonl", "0.png" => "9.png", UPDATE, "metadata.jsonl", "9.png"),
    swapped!("a caption longer than any", "pictures/metadata.jsonl", "a car" => &"car ".repeat(5000), UPDATE, "metadata.jsonl", "line 1"),
    replaced!("a picture that is text", "pictures/0.png" => "not a picture", UPDATE, "0.png"),
    replaced!("a picture cut short", "pictures/0.png" => &forge::png(16)[..40], UPDATE, "0.png"),
    replaced!("a picture that claims to be huge", "pictures/0.png" => forge::png_claiming(60_000, 60_000), UPDATE, "0.png"),
    replaced!("a picture with next to nothing in it", "pictures/0.png" => forge::png_claiming(4000, 4000), UPDATE, "0.png"),
    swapped!("no attack", "audit.toml", "steps = 2\n" => "steps = 0\n", AUDIT, "audit.toml", "0"),
    swapped!("an attack nobody knows", "audit.toml", "name = \"direct\"" => "name = \"direkt\"", AUDIT, "direkt", "finetune"),
    swapped!("a setting of an attack nobody knows", "audit.toml", "batch = 2 }" => "batsch = 2 }", AUDIT, "finetune", "batsch"),
    swapped!("a subject that is not there", "audit.toml", "\"other\"" => "\"nowhere\"", AUDIT, "nowhere"),
    swapped!("a label the judge does not know", "fox.toml", "label = \"fox\"" => "label = \"wolf\"", AUDIT, "classifier", "wolf"),
    swapped!("a judge that is not there", "fox.toml", "\"judge\"" => "\"nobody\"", AUDIT, "nobody"),
    swapped!("a neighbour the judge does not know", "fox.toml", "keep = [\"cat\"]" => "keep = [\"tiger\"]", AUDIT, "tiger", "classifier"),
    swapped!("a sampler nobody knows", "audit.toml", "\"ddim\"" => "\"quantum\"", AUDIT, "quantum", "euler"),
    replaced!("latents that are no weights", "given" => "no latents", LATENTS, "given"),
    replaced!("latents of another shape", "given" => latents([1, 9, 8, 8]), LATENTS, "latents"),
    replaced!("an adapter that is none", "lora.safetensors" => latents([1, 4, 8, 8]), LORA, "lora.safetensors"),
];

/// A safetensors file with latents of that shape, all of them 0.
fn latents(shape: [usize; 4]) -> Vec<u8> {
    let bytes = 4 * shape.iter().product::<usize>();
    let header = format!(
        "{{\"latents\":{{\"dtype\":\"F32\",\"shape\":{shape:?},\"data_offsets\":[0,{bytes}]}}}}"
    );
    forge::file(&header, &vec![0; bytes])
}

#[test]
fn recipes_concepts_prompts_pictures_and_adapters() {
    check(bench, CASES);
}

#[test]
fn the_scene_itself_is_whole() {
    let scene = bench();
    for command in [UNLEARN, UPDATE, AUDIT] {
        let ended = scene.run(command);
        assert!(matches!(ended.code, Some(0 | 1 | 3)), "{command:?}: {ended:?}");
    }
}
