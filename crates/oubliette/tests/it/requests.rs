//! Recipes, concepts, prompt files, pictures and adapters that mean harm.
use crate::bench::bench;
use crate::forge;
use crate::hostile::{Case, check, json_edit};
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

/// The method of `unlearn.toml`.
const ESD: &str = "name = \"esd\"\nsteps = 4\nsampling_steps = 4\n";

/// Puts one text for another into a file; the other must be there.
fn swap(scene: &Scene, file: &str, from: &str, to: &str) {
    scene.edit(file, |text| {
        assert!(text.contains(from), "{file} has no `{from}`");
        text.replacen(from, to, 1)
    });
}

/// Has the recipe take its words from a file.
fn worded(scene: &Scene, words: impl AsRef<[u8]>) {
    swap(scene, "unlearn.toml", ESD, "name = \"rg\"\nwords = { file = \"words.toml\" }\n");
    scene.write("words.toml", words);
}

/// A case in which a file of words holds something else.
macro_rules! worded {
    ($name:literal, $words:expr, $($says:literal),+) => {
        Case {
            name: $name,
            harm: |scene| worded(scene, $words),
            command: UNLEARN,
            says: &[$($says),+],
        }
    };
}

/// A case in which one text of a file is exchanged for another.
macro_rules! swapped {
    ($name:literal, $file:literal, $from:expr => $to:expr, $command:ident, $($says:literal),+) => {
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
    swapped!("a result over its own source", "unlearn.toml", "out = \"forgot\"" => "out = \"model\"", UNLEARN, "unlearn.toml:6", "in the model `model`", "another folder"),
    swapped!("a result inside its own source", "unlearn.toml", "out = \"forgot\"" => "out = \"./model/forgot\"", UNLEARN, "unlearn.toml:6", "in the model `model`", "another folder"),
    swapped!("an update inside its own source", "update.toml", "out = \"updated\"" => "out = \"model/unet/updated\"", UPDATE, "update.toml:6", "in the model `model`", "another folder"),
    Case {
        name: "an audit that is to update",
        harm: |_| (),
        command: &["update", "audit.toml"],
        says: &["audit.toml:2", "a recipe to audit, not to update", "`oubliette audit`"],
    },
    Case {
        name: "a picture where no folder is",
        harm: |_| (),
        command: &["generate", "--model", "model", "--prompt", "a fox", "--out", "nowhere/fox.png"],
        says: &["nowhere", "another place"],
    },
    Case {
        name: "an audit that is to train",
        harm: |_| (),
        command: &["train", "audit.toml"],
        says: &["audit.toml", "a recipe to audit", "`oubliette audit`"],
    },
    swapped!("a placeholder that nothing fills", "unlearn.toml", ESD => "name = \"uce\"\nguide = \"{neighbor}\"\n", UNLEARN, "unlearn.toml:9", "`{neighbor}`", "`{neighbour}`"),
    Case {
        name: "a placeholder of a word that the concept lacks",
        harm: |scene| {
            swap(scene, "fox.toml", "keep = [\"cat\"]\n", "");
            swap(scene, "unlearn.toml", ESD, "name = \"uce\"\nguide = \"{neighbour}\"\n");
        },
        command: UNLEARN,
        says: &["unlearn.toml:9", "`{neighbour}`", "`fox`", "`keep`"],
    },
    swapped!("a template that names nothing", "unlearn.toml", ESD => "name = \"ca\"\ntemplates = [\"a {name}\", \"a drawing\"]\n", UNLEARN, "unlearn.toml:9", "`a drawing`", "`{name}`"),
    swapped!("a concept that becomes itself", "unlearn.toml", ESD => "name = \"uce\"\nguide = \"Fox\"\n", UNLEARN, "unlearn.toml", "`guide` is `Fox`", "`fox` itself"),
    swapped!("an anchor that is the concept", "unlearn.toml", ESD => "name = \"ca\"\nanchor = \"fox\"\n", UNLEARN, "unlearn.toml", "`anchor` is `fox`"),
    swapped!("a text of its own that is the concept", "unlearn.toml", ESD => "name = \"ca\"\nparts = { anchor = { name = \"prompt\", text = \"fox\" } }\n", UNLEARN, "unlearn.toml", "`text` is `fox`"),
    swapped!("a name in its place that is its own", "unlearn.toml", ESD => "name = \"ca\"\nparts = { anchor = { name = \"replaced\", with = \"Fox\" } }\n", UNLEARN, "unlearn.toml", "`with` is `Fox`"),
    swapped!("nothing known of what weights are for", "unlearn.toml", ESD => "name = \"sa\"\nsurvey = 0\n", UNLEARN, "unlearn.toml", "`survey` is 0"),
    swapped!("parts with a key nobody knows", "unlearn.toml", "steps = 4" => "steps = 4\nparts = { lora = { rank = 2, dropout = 1 } }", UNLEARN, "unlearn.toml:10", "dropout"),
    swapped!("an adapter of no size", "unlearn.toml", "steps = 4" => "steps = 4\nparts = { lora = { rank = 0 } }", UNLEARN, "unlearn.toml", "rank 0"),
    swapped!("an adapter that drowns the model", "unlearn.toml", "steps = 4" => "steps = 4\nparts = { lora = { alpha = 1e30 } }", UNLEARN, "unlearn.toml", "1000 times the rank"),
    swapped!("an adapter within the model it is of", "unlearn.toml", "out = \"forgot\"" => "adapter = \"forgot/lora\"\nout = \"forgot\"", UNLEARN, "unlearn.toml:6", "in the other", "beside it"),
    swapped!("a model within its adapter", "update.toml", "out = \"updated\"" => "adapter = \"all\"\nout = \"all/updated\"", UPDATE, "update.toml:6", "in the other", "beside it"),
    swapped!("an adapter without a place", "unlearn.toml", "out = \"forgot\"" => "adapter = \"\"\nout = \"forgot\"", UNLEARN, "unlearn.toml:6", "`adapter` is empty"),
    swapped!("a template with a place that nothing fills", "audit.toml", "name = \"direct\"" => "name = \"direct\"\nparaphrases = [\"{foo} {name}\"]", AUDIT, "audit.toml:", "`{foo}`"),
    swapped!("what is kept with a place that nothing fills", "audit.toml", "[[attack]]\nname = \"direct\"" => "[keep]\nprompts = [\"a {bar} {name}\"]\n[[attack]]\nname = \"direct\"", AUDIT, "audit.toml:", "`{bar}`"),
    swapped!("a weight that turns an edit around", "unlearn.toml", ESD => "name = \"uce\"\nerase_scale = -1.0\n", UNLEARN, "unlearn.toml", "erase_scale -1"),
    swapped!("no step", "unlearn.toml", "steps = 4" => "steps = 0", UNLEARN, "unlearn.toml", "`steps` is 0"),
    swapped!("a rate that moves nothing", "unlearn.toml", "steps = 4" => "learning_rate = 0.0", UNLEARN, "unlearn.toml", "`learning_rate` is 0", "above 0"),
    swapped!("a rate that goes the other way", "unlearn.toml", "steps = 4" => "learning_rate = -1e-5", UNLEARN, "unlearn.toml", "`learning_rate` is -1e-5"),
    swapped!("a rate that is no number", "unlearn.toml", "steps = 4" => "learning_rate = nan", UNLEARN, "unlearn.toml", "`learning_rate` is NaN"),
    swapped!("no row", "unlearn.toml", "steps = 4" => "batch = 0", UNLEARN, "unlearn.toml", "`batch` is 0"),
    swapped!("no pair", "unlearn.toml", "steps = 4" => "pairs = 0", UNLEARN, "unlearn.toml", "`pairs` is 0"),
    swapped!("no picture", "unlearn.toml", ESD => "name = \"ca\"\npictures = 0\n", UNLEARN, "unlearn.toml", "no picture", "`pictures`"),
    swapped!("no row of pictures", "unlearn.toml", ESD => "name = \"ca\"\nbatch = 0\n", UNLEARN, "unlearn.toml", "`batch` is 0"),
    swapped!("a guidance that leads nowhere", "unlearn.toml", "steps = 4" => "guidance = 1e30", UNLEARN, "unlearn.toml", "`guidance`", "1000"),
    swapped!("a sampling without end", "unlearn.toml", "sampling_steps = 4" => "sampling_steps = 5000", UNLEARN, "unlearn.toml", "5000 steps", "1000"),
    swapped!("a hold that lets go", "unlearn.toml", ESD => "name = \"advanchor\"\nhold = -1.0\n", UNLEARN, "unlearn.toml", "a `retain` loss weighs -1"),
    swapped!("a lambda that remembers", "unlearn.toml", ESD => "name = \"erasediff\"\nlambda = -1.0\n", UNLEARN, "unlearn.toml", "`lambda` is -1"),
    swapped!("an update that moves nothing", "update.toml", "learning_rate = 1e-4" => "learning_rate = 0.0", UPDATE, "update.toml", "`learning_rate` is 0"),
    swapped!("a method nobody knows", "unlearn.toml", "name = \"esd\"" => "name = \"wish\"", UNLEARN, "wish", "esd"),
    swapped!("a setting nobody knows", "unlearn.toml", "steps = 4" => "stepps = 4", UNLEARN, "esd", "stepps"),
    swapped!("a setting that is not a number", "unlearn.toml", "steps = 4" => "eta = nan", UNLEARN, "esd", "eta"),
    swapped!("an anchor that no loss looks at", "unlearn.toml", "steps = 4" => "steps = 4\nrelease = \"diffusers\"\nparts = { anchor = { name = \"superclass\" } }", UNLEARN, "[method.parts]", "`anchor`", "no loss"),
    swapped!("a part nobody knows", "unlearn.toml", "steps = 4" => "steps = 4\nparts = { combiner = { name = \"wish\" } }", UNLEARN, "combiner", "`wish`", "known:", "restricted"),
    worded!("words that are no TOML", "[method.words]\n[[[", "words.toml:2"),
    worded!("words that are no text", [0xff, 0xfe, 0x00], "words.toml", "UTF-8"),
    worded!("a file of words larger than any", vec![b'#'; 2 << 20], "words.toml", "bytes"),
    worded!(
        "a file of words that holds another table",
        "[method.uce]\n",
        "words.toml:1",
        "[method.words]"
    ),
    worded!(
        "a list of words nobody knows",
        "[method.words]\ncolours = [\"red\"]\n",
        "words.toml:1",
        "colours"
    ),
    worded!(
        "words that name what is to be forgotten",
        "[method.words]\nmoods = [\"calm\", \"fox\"]\n",
        "`fox`",
        "`words`"
    ),
    Case {
        name: "words that never end",
        harm: |scene| {
            worded(scene, "");
            std::fs::remove_file(scene.at("words.toml")).unwrap();
            std::os::unix::fs::symlink("/dev/zero", scene.at("words.toml")).unwrap();
        },
        command: UNLEARN,
        says: &["words.toml", "no plain file"],
    },
    Case {
        name: "a file of words that is not there",
        harm: |scene| {
            worded(scene, "");
            std::fs::remove_file(scene.at("words.toml")).unwrap();
        },
        command: UNLEARN,
        says: &["words.toml"],
    },
    Case {
        name: "a list of words in the recipe and in its file",
        harm: |scene| {
            worded(scene, "[method.words]\nmoods = [\"calm\"]\n");
            swap(scene, "unlearn.toml", "words.toml\"", "words.toml\", moods = [\"mild\"]");
        },
        command: UNLEARN,
        says: &["unlearn.toml:9", "`moods`", "words.toml"],
    },
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
    swapped!("an attack that trains nothing", "audit.toml", "{ batch = 2 }" => "{ batch = 2, learning_rate = 0.0 }", AUDIT, "audit.toml:23", "`learning_rate`"),
    swapped!("an update that trains nothing", "update.toml", "1e-4" => "0.0", UPDATE, "update.toml:10", "`learning_rate`"),
    swapped!("what is to be forgotten among what must survive", "audit.toml", "[[attack]]" => "[keep]\nunrelated = [\"Fox\"]\n[[attack]]", AUDIT, "audit.toml:18", "`Fox`", "forgotten"),
    swapped!("a neighbour that is counted twice", "audit.toml", "[[attack]]" => "[keep]\nunrelated = [\"cat\"]\n[[attack]]", AUDIT, "audit.toml:18", "`cat`", "neighbour"),
    swapped!("a name that the model does not get to read", "fox.toml", "a {name}" => &format!("{}{{name}}", "a ".repeat(80)), AUDIT, "fox.toml:7", "`fox`", "comes after"),
    swapped!("a name of something kept that the model does not get to read", "audit.toml", "[[attack]]" => &format!("[keep]\nprompts = [\"{}{{name}}\"]\n[[attack]]", "a ".repeat(80)), AUDIT, "audit.toml:17", "`cat`", "comes after"),
    Case {
        name: "a schedule that its own sampler does not walk",
        harm: |scene| {
            swap(scene, "audit.toml", "sampler = \"ddim\"\n", "");
            json_edit(scene, "model/scheduler/scheduler_config.json", |config| {
                config["algorithm_type"] = "sde-dpmsolver++".into();
            });
            json_edit(scene, "model/model_index.json", |index| {
                index["scheduler"][1] = "DPMSolverMultistepScheduler".into();
            });
        },
        command: AUDIT,
        says: &["scheduler_config.json", "sde-dpmsolver++", "sampler = \"ddim\""],
    },
    swapped!("a sampler nobody knows", "audit.toml", "\"ddim\"" => "\"quantum\"", AUDIT, "quantum", "euler"),
    replaced!("latents that are no weights", "given" => "no latents", LATENTS, "given"),
    replaced!("latents of another shape", "given" => latents([1, 9, 8, 8]), LATENTS, "latents"),
    replaced!("latents of no picture", "given" => latents([0, 4, 8, 8]), LATENTS, "given", "latents"),
    replaced!("latents of no picture with sides that overflow", "given" => latents([0, 1 << 40, 1 << 40, 1 << 40]), LATENTS, "given", "latents"),
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
