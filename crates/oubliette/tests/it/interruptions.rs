//! Killed, starved, on one thread or two: a run ends with the same evidence, or says to try again.
use crate::bench::bench;
use crate::scene::{Ended, Scene};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RUNS: [&[&str]; 3] =
    [&["unlearn", "unlearn.toml"], &["update", "update.toml"], &["audit", "audit.toml"]];

/// A scene whose runs take long enough to be killed in the middle.
fn longer() -> Scene {
    let scene = bench();
    scene.edit("unlearn.toml", |text| text.replace("steps = 4\n", "steps = 12\n"));
    scene.edit("update.toml", |text| text.replace("steps = 4", "steps = 24"));
    scene.edit("audit.toml", |text| text.replace("per_arm = 4", "per_arm = 12"));
    scene
}

/// The digest that a finished run ends with.
fn digest(scene: &Scene, command: &[&str]) -> String {
    let ended = scene.run(&[command, &["--json"]].concat());
    assert!(matches!(ended.code, Some(0 | 1 | 3)), "{command:?}: {ended:?}");
    ended.json()["result"]["evidence_digest"].as_str().unwrap().to_owned()
}

/// Nobody listens to a process that is about to be killed.
fn quiet(mut command: Command) -> Command {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Waits until a run has begun to write its events.
fn wait_for_a_run(scene: &Scene) {
    let begun = Instant::now();
    let folders = || std::fs::read_dir(scene.at("runs")).into_iter().flatten().flatten();
    while !folders().any(|run| run.path().join("events.jsonl").exists()) {
        assert!(begun.elapsed() < Duration::from_secs(120), "no run begins");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The folder of the one run.
fn the_run(scene: &Scene) -> std::path::PathBuf {
    let mut runs = std::fs::read_dir(scene.at("runs")).unwrap().map(|entry| entry.unwrap().path());
    runs.find(|path| path.join("plan.json").is_file()).unwrap()
}

/// Sends a signal.
fn signal(child: &std::process::Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// How many moments are tried for each command: more where somebody asks for it.
fn moments() -> u32 {
    std::env::var("OUBLIETTE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

/// Moments that are spread over the whole run, the same in every run of the test.
fn moment(number: u32, whole: Duration) -> Duration {
    whole.mul_f64((f64::from(number) * 0.618_034 + 0.1).fract())
}

#[test]
fn a_run_that_is_killed_ends_as_if_it_had_not_been() {
    for command in RUNS {
        let undisturbed = longer();
        let begun = Instant::now();
        let expected = digest(&undisturbed, command);
        let whole = begun.elapsed();
        for number in 0..moments() {
            let scene = longer();
            let mut child = quiet(scene.command(command)).spawn().unwrap();
            std::thread::sleep(moment(number, whole));
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(digest(&scene, command), expected, "{command:?}, moment {number}");
        }
    }
}

#[test]
fn threads_change_no_byte() {
    for command in RUNS {
        let one = digest(&bench(), &[command, &["--threads", "1"]].concat());
        let two = digest(&bench(), &[command, &["--threads", "2"]].concat());
        assert_eq!(one, two, "{command:?}");
    }
}

#[test]
fn an_interrupt_is_a_clean_stop_that_a_rerun_takes_up() {
    let scene = longer();
    scene.edit("update.toml", |text| text.replace("steps = 24", "steps = 4000"));
    let update = ["update", "update.toml", "--json"];
    let mut command = scene.command(&update);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for_a_run(&scene);
    // As `timeout` does it: one to the process, and one to its group, which ask once.
    signal(&child, "-TERM");
    signal(&child, "-TERM");
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(75), "{ended:?}");
    assert_eq!(ended.json()["error"]["code"], "interrupted");
    assert!(!scene.at("updated").exists(), "a model that is not finished was left");
}

#[test]
fn a_run_that_is_held_is_worth_another_try() {
    let scene = longer();
    scene.edit("update.toml", |text| text.replace("steps = 24", "steps = 4000"));
    let mut first = quiet(scene.command(&["update", "update.toml"])).spawn().unwrap();
    wait_for_a_run(&scene);
    let ended = scene.run(&["update", "update.toml", "--json"]);
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(ended.code, Some(75), "{ended:?}");
    assert_eq!(ended.json()["error"]["code"], "held");
}

#[test]
fn a_full_disk_is_worth_another_try() {
    for command in RUNS {
        let expected = digest(&bench(), command);
        let scene = bench();
        // No file may grow beyond 4 KiB: plans fit, weights, pictures and longer logs do not.
        let limited = format!("ulimit -f 8; exec \"$0\" {}", command.join(" "));
        let program = scene.command(&[]).get_program().to_owned();
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(limited).arg(program).current_dir(scene.at(""));
        let ended = Ended::from(shell.output().unwrap());
        assert_eq!(ended.code, Some(75), "{command:?}: {ended:?}");
        assert!(ended.err.contains("make room"), "{ended:?}");
        assert_eq!(digest(&scene, command), expected, "{command:?}");
    }
}

#[test]
fn out_of_memory_is_worth_another_try() {
    let scene = bench();
    let limited = "ulimit -v 300000; exec \"$0\" generate --model model --prompt x --width 4096 \
                   --height 4096 --steps 1 --threads 1 --out x.png";
    let program = scene.command(&[]).get_program().to_owned();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(limited).arg(program).current_dir(scene.at(""));
    let ended = Ended::from(shell.output().unwrap());
    assert_eq!(ended.code, Some(75), "{ended:?}");
    assert!(ended.err.contains("out of memory"), "{ended:?}");
    assert!(!scene.at("x.png").exists());
}

#[test]
fn a_checkpoint_that_cannot_be_read_is_set_aside_and_its_training_begun_again() {
    let command = ["unlearn", "unlearn.toml", "--json"];
    let expected = digest(&bench(), &command[..2]);
    let scene = bench();
    let planned = scene.run(&[&command[..], &["--dry-run"]].concat()).json();
    let run = planned["result"]["run"].as_str().unwrap();
    scene.write(format!("{run}/work/0-erase-4.safetensors"), "torn");
    let ended = scene.run(&command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("0-erase-4.safetensors") && ended.err.contains("set aside"));
    assert_eq!(ended.json()["result"]["evidence_digest"], expected);
}

#[test]
fn a_finished_audit_keeps_no_checkpoint_and_makes_lost_pictures_again() {
    let scene = bench();
    let expected = digest(&scene, &["audit", "audit.toml"]);
    let run = the_run(&scene);
    assert!(!run.join("work").exists());
    let verified = || scene.run(&["verify", run.to_str().unwrap()]).code;
    let pictures = std::fs::read_dir(run.join("samples")).unwrap();
    let pictures: Vec<_> = pictures.map(|entry| entry.unwrap().path()).collect();
    std::fs::remove_file(&pictures[0]).unwrap();
    std::fs::write(&pictures[1], "torn").unwrap();
    assert_eq!(verified(), Some(4));
    // Numbers of another format would be other pictures.
    let other = ["audit", "audit.toml", "--dtype", "bf16"];
    let ended = scene.run(&other);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("was begun on"), "{ended:?}");
    assert_eq!(digest(&scene, &["audit", "audit.toml"]), expected);
    assert_eq!(verified(), Some(0));
    assert!(!run.join("work").exists());
    // Where none is lost, none is made.
    assert_eq!(digest(&scene, &other), expected);
}

#[test]
fn a_damaged_run_is_an_integrity_failure_for_every_verb() {
    let scene = bench();
    digest(&scene, &["audit", "audit.toml"]);
    let run = the_run(&scene);
    let whole = std::fs::read_to_string(run.join("events.jsonl")).unwrap();
    for (events, says) in [
        (whole.replacen("\"seed\":", "\"sead\":", 1), "line "),
        (whole.replace('\n', "\r\n"), "line 1 "),
        (whole.replace('\n', "\r"), "line 1 "),
    ] {
        std::fs::write(run.join("events.jsonl"), &events).unwrap();
        let folder = run.to_str().unwrap();
        for verb in [["audit", "audit.toml"], ["report", folder], ["verify", folder]] {
            let ended = scene.run(&verb);
            assert_eq!(ended.code, Some(4), "{verb:?}: {ended:?}");
            let said = ended.out + &ended.err;
            assert!(said.contains(says) && said.contains("or remove `"), "{verb:?}: {said}");
        }
        assert_eq!(std::fs::read_to_string(run.join("events.jsonl")).unwrap(), events);
    }
}

/// A `generate` of several pictures, one at a time, that takes long enough to be stopped in the middle.
const PICTURES: &[&str] = &[
    "generate", "--model", "model", "--prompt", "a fox", "--count", "4", "--batch", "1", "--steps",
    "200", "--out", "fox.png",
];

#[cfg(unix)]
#[test]
fn pictures_that_are_made_are_there_and_are_not_made_again() {
    use std::os::unix::fs::MetadataExt as _;
    let undisturbed = bench();
    assert_eq!(undisturbed.run(PICTURES).code, Some(0));
    let scene = bench();
    let mut command = scene.command(PICTURES);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while !scene.at(".fox.png.unfinished").exists() {
        assert!(begun.elapsed() < Duration::from_secs(120), "no picture is written");
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&child, "-INT");
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(75), "{ended:?}");
    assert!(ended.err.contains(" of 4 pictures written"), "{ended:?}");
    // Another file under the name would have another number.
    let first = || std::fs::metadata(scene.at("fox-0.png")).unwrap().ino();
    let before = first();
    // What is there but is not as it was written does not count.
    let spoiled = scene.at("fox-1.png").exists();
    if spoiled {
        scene.write("fox-1.png", "spoiled");
    }
    assert_eq!(scene.run(PICTURES).code, Some(0));
    assert_eq!(first(), before);
    for picture in ["fox-0.png", "fox-1.png", "fox-2.png", "fox-3.png"] {
        let bytes = |scene: &Scene| std::fs::read(scene.at(picture)).unwrap();
        assert!(bytes(&scene) == bytes(&undisturbed), "{picture} is another one");
    }
    assert!(!scene.at(".fox.png.unfinished").exists());
    // Nothing is left to go on from, so the next time is a new one.
    assert_eq!(scene.run(PICTURES).code, Some(0));
    assert_ne!(first(), before);
}

#[test]
fn a_place_where_no_picture_can_be_written_is_refused_before_any_is_made() {
    let scene = bench();
    scene.write("house.png/notes.txt", "mine");
    for place in ["nowhere/x.png", "house.png"] {
        // The model, which would be refused too, is not even looked for.
        let ended =
            scene.run(&["generate", "--model", "none", "--prompt", "x", "--out", place, "--json"]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert_eq!(ended.json()["error"]["code"], "file-unwritable", "{ended:?}");
    }
    assert!(!scene.at("nowhere").exists());
}

#[cfg(unix)]
#[test]
fn a_model_that_has_no_digest_paints_all_the_same() {
    let scene = bench();
    scene.write("notes.txt", "mine");
    std::os::unix::fs::symlink(scene.at("notes.txt"), scene.at("model/notes.txt")).unwrap();
    let ended = scene.run(PICTURES);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(scene.at("fox-3.png").exists() && !scene.at(".fox.png.unfinished").exists());
}

#[test]
fn any_changed_byte_is_an_integrity_failure() {
    let scene = bench();
    digest(&scene, &["audit", "audit.toml"]);
    let run = the_run(&scene);
    let verify = ["verify", run.to_str().unwrap()];
    assert_eq!(scene.run(&verify).code, Some(0));
    for name in ["plan.json", "events.jsonl", "evidence.json", "verdict.json", "report.html"] {
        let whole = std::fs::read(run.join(name)).unwrap();
        for share in [1, 3, 5, 7] {
            let mut changed = whole.clone();
            let at = whole.len() * share / 8;
            changed[at] ^= 1;
            std::fs::write(run.join(name), &changed).unwrap();
            let ended = scene.run(&verify);
            assert_eq!(ended.code, Some(4), "{name}, byte {at}: {ended:?}");
        }
        std::fs::write(run.join(name), &whole).unwrap();
    }
    assert_eq!(scene.run(&verify).code, Some(0));
}

#[test]
fn what_is_in_the_way_is_said_before_anything_is_trained() {
    let scene = bench();
    scene.write("forgot/notes.txt", "mine");
    scene.write("updated", "mine");
    for command in [["unlearn", "unlearn.toml"], ["update", "update.toml"]] {
        for more in [&["--dry-run"][..], &[]] {
            let ended = scene.run(&[&command[..], more].concat());
            assert_eq!(ended.code, Some(2), "{ended:?}");
            assert!(ended.err.contains("exists already"), "{ended:?}");
        }
    }
    let runs = std::fs::read_dir(scene.at("runs")).unwrap();
    for events in runs.map(|run| run.unwrap().path().join("events.jsonl")) {
        assert_eq!(std::fs::read_to_string(&events).unwrap().lines().count(), 1, "{events:?}");
    }
    // Where no folder can be made, no other try will make one.
    scene.edit("unlearn.toml", |text| text.replace("\"forgot\"", "\"updated/forgot\""));
    for more in [&[][..], &["--dry-run"]] {
        let ended = scene.run(&[&["unlearn", "unlearn.toml"][..], more].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("write to another place"), "{ended:?}");
    }
    assert_eq!(scene.run(&["audit", "audit.toml", "--runs", "updated"]).code, Some(2));
}

#[test]
fn two_trainings_of_one_part_do_not_meet() {
    let scene = Scene::empty();
    let recipe =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes/canvas/02-vae.toml");
    let train = ["train", recipe.to_str().unwrap(), "--json"];
    let mut first = quiet(scene.command(&train)).spawn().unwrap();
    let begun = Instant::now();
    while !scene.at("workshop/..vae.checkpoint.lock").exists() {
        assert!(begun.elapsed() < Duration::from_secs(120), "nothing is locked");
        std::thread::sleep(Duration::from_millis(20));
    }
    let ended = scene.run(&train);
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(ended.code, Some(75), "{ended:?}");
}

#[cfg(unix)]
#[test]
fn a_stranger_may_read_what_a_run_wrote() {
    use std::os::unix::fs::PermissionsExt as _;
    let scene = bench();
    digest(&scene, &["audit", "audit.toml"]);
    let of_runs =
        |path: &std::path::PathBuf| path.starts_with(scene.at("runs")) && !path.ends_with("lock");
    for path in scene.everything().into_keys().filter(of_runs) {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o044, 0o044, "{path:?} has {mode:o}");
    }
}
