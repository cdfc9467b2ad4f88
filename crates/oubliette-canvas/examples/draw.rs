//! Draws captioned pictures as training tools read them: `draw FOLDER COUNT scenes|patterns`.
use oubliette_canvas::folder::{self, Row};
use oubliette_canvas::{KeptBack, SIDE, Selection, patterns, sample};

const SEED: u64 = 77;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [into, count, kind] = &arguments[..] else {
        return Err("usage: draw FOLDER COUNT scenes|patterns".into());
    };
    let count = count.parse()?;
    let rows = match kind.as_str() {
        "scenes" => scenes(count),
        "patterns" => patterns::sample(SEED, count, SIDE),
        other => return Err(format!("`{other}` cannot be drawn").into()),
    };
    folder::write(into.as_ref(), rows)?;
    Ok(())
}

/// Scenes of combinations that no part of the embedded model was trained on.
fn scenes(count: usize) -> Vec<Row> {
    let unseen = Selection { kept_back: KeptBack::Only, ..Selection::default() };
    let drawn = sample(SEED, count, &unseen).into_iter();
    drawn.map(|one| Row { picture: one.scene.draw(SIDE), caption: one.caption }).collect()
}
