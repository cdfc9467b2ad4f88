//! `oubliette words`: asks a language model for the word lists of diverse scenes, or prints the scenes that are left for tests. The only
//! verb that opens a connection, and only where it is told to.
mod ask;
mod held_back;

use super::{Answer, Verb, place};
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::Args;
use oubliette_evidence::Concept;
use oubliette_evidence::folder::write_whole;
use oubliette_evidence::harmless;
use oubliette_lab::wording;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Ask a language model for the words of diverse scenes, as the method `rg` takes them
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  oubliette words --endpoint http://localhost:11434/v1 --model llama3.1 \\
      --out words.toml
  oubliette words --endpoint https://api.example.com/v1 --model some-model \\
      --about \"pictures of people at work\" --concept lion.toml \\
      --out words.toml
  oubliette words --test forget-lion.toml  # scenes for an audit

The endpoint is one that understands OpenAI's chat completions; its key is read from OUBLIETTE_API_KEY. What comes back is checked, and
written as the table `[method.words]` of a recipe, which takes it as `words.file` too. Read it before you use it. No other verb opens a
connection. With `--test` none is opened: what is printed are scenes of the words that the recipe's method leaves for tests.")]
pub(crate) struct Words {
    /// Where the language model answers, up to and with the version: http://localhost:11434/v1
    #[arg(long, value_name = "URL", required_unless_present = "test")]
    endpoint: Option<String>,
    /// What the endpoint calls the model
    #[arg(long, value_name = "NAME", required_unless_present = "test")]
    model: Option<String>,
    /// What the scenes are of
    #[arg(long, value_name = "TEXT", default_value = "everyday things, animals and people")]
    about: String,
    /// Words for each list; half of them are left for tests
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(2..=200))]
    count: u32,
    /// A concept's file: no word may name it; may be given several times
    #[arg(long, value_name = "FILE")]
    concept: Vec<PathBuf>,
    /// The file to write
    #[arg(long, value_name = "FILE", required_unless_present = "test")]
    out: Option<PathBuf>,
    /// Ask nobody: print scenes that this unlearning's recipe leaves for tests, for an audit
    #[arg(long, value_name = "RECIPE",
          conflicts_with_all = ["endpoint", "model", "about", "count", "concept", "out"])]
    test: Option<PathBuf>,
    /// With `--test`: scenes at most
    #[arg(long, value_name = "N", default_value_t = 32, requires = "test", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    scenes: u32,
}

/// The lists, as the recipe has them.
#[derive(Debug, Serialize, Deserialize)]
struct Lists {
    moods: Vec<String>,
    activities: Vec<String>,
    places: Vec<String>,
    times: Vec<String>,
}

/// The result.
#[derive(Serialize)]
struct Written {
    file: PathBuf,
    words: Lists,
}

/// Longest word that is taken.
const LONGEST: usize = 60;

impl Verb for Words {
    fn run(&self, _terminal: &Terminal) -> Result<Answer, Failure> {
        if let Some(recipe) = &self.test {
            return held_back::answer(recipe, self.scenes);
        }
        let given = "clap asks for it where there is no `--test`";
        let (endpoint, model) =
            (self.endpoint.as_deref().expect(given), self.model.as_deref().expect(given));
        let out = self.out.as_deref().expect(given);
        if out.exists() {
            let thing =
                format!("`{}` is there already; remove it or choose another file", out.display());
            return Err(Failure { code: "already-exists", ..Failure::usage(thing) });
        }
        // Before the question, which may cost money.
        place::check(&[out.to_owned()])?;
        let concepts = self.concept.iter().map(|file| Concept::read(file));
        let concepts = concepts.collect::<oubliette_evidence::Result<Vec<_>>>()?;
        let key = std::env::var("OUBLIETTE_API_KEY").ok();
        let answer = ask::chat(endpoint, model, &self.question(), key.as_deref())?;
        let words = self.checked(endpoint, &answer, &concepts)?;
        let table = toml::to_string(&words).expect("lists of texts");
        let head = format!(
            "# By `{}`, asked for scenes of {}. Read them, then put this table into a recipe.\n[method.words]\n",
            harmless::line(model),
            harmless::line(&self.about)
        );
        write_whole(out, (head + &table).as_bytes())?;
        let text =
            format!("{table}\nThe words are in {}: read them before you use them.", out.display());
        Ok(Answer::done(Written { file: out.to_owned(), words }, text))
    }
}

impl Words {
    fn question(&self) -> String {
        format!(
            "Sentences such as \"a calm picture of a dog standing still in a garden at dawn\" describe pictures of {}. Give {} different moods \
             (one adjective each, such as \"calm\"), activities (such as \"standing still\"), places (with a preposition, such as \"in a \
             garden\") and times (such as \"at dawn\"), as varied as you can, that fit into such sentences in any combination. Answer with one JSON \
             object of four lists of texts, \"moods\", \"activities\", \"places\", \"times\", and nothing else.",
            self.about, self.count
        )
    }

    /// The lists without repetitions, where every one is long enough and nothing in them is strange.
    fn checked(
        &self,
        endpoint: &str,
        answer: &str,
        concepts: &[Concept],
    ) -> Result<Lists, Failure> {
        let refuse = |why: String| Failure {
            code: "input",
            ..Failure::usage(format!(
                "the model at `{endpoint}` gave no word lists: {why}; ask again, or another model, or write the lists yourself"
            ))
        };
        // Some models wrap their answer in a fence or in a sentence.
        let object = answer.find('{').zip(answer.rfind('}')).filter(|(from, to)| from < to);
        let object = object.map_or(answer, |(from, to)| &answer[from..=to]);
        let lists: Lists =
            serde_json::from_str(object).map_err(|error| refuse(error.to_string()))?;
        let list = |name: &str, words: Vec<String>| {
            let mut seen = BTreeSet::new();
            let words: Vec<String> = words.into_iter().map(|word| word.trim().to_owned()).collect();
            let strange = |word: &&String| {
                let odd = |c: char| harmless::is_obeyed(c) || matches!(c, '{' | '}');
                word.is_empty() || word.len() > LONGEST || word.contains(odd)
            };
            if words.iter().any(|word| strange(&word)) {
                return Err(refuse(format!("`{name}` holds what is no word")));
            }
            if words.iter().any(|word| wording::names_any(concepts, word)) {
                return Err(refuse(format!("`{name}` names a concept that is to be forgotten")));
            }
            let words: Vec<String> =
                words.into_iter().filter(|word| seen.insert(word.to_lowercase())).collect();
            let (have, want) = (words.len(), self.count as usize);
            // One missing word is no reason to ask again, half of them are.
            match 2 * have > want && have >= 2 {
                true => Ok(words.into_iter().take(want).collect()),
                false => Err(refuse(format!("`{name}` has {have} of {want} words"))),
            }
        };
        Ok(Lists {
            moods: list("moods", lists.moods)?,
            activities: list("activities", lists.activities)?,
            places: list("places", lists.places)?,
            times: list("times", lists.times)?,
        })
    }
}
