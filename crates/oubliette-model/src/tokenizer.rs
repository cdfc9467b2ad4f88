//! The CLIP tokenizer: text to exactly the token ids that transformers' `CLIPTokenizer` gives.

mod files;

use std::ops::Range;
use std::path::Path;

use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::{Lowercase, NFC, NormalizerWrapper, Replace, Sequence};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence as PreSequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer};

pub use files::TokenizerFiles;

use crate::error::{Error, Result};

/// CLIP's split into words, as published with the model: contractions, runs of letters, single digits, runs of the rest.
const WORDS: &str =
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// A prompt longer than this many bytes is refused: no caption is, and tokenising is not free.
const LONGEST_PROMPT: usize = 1 << 16;

/// A CLIP tokenizer with its special tokens and its fixed sequence length.
#[derive(Clone, Debug)]
pub struct ClipTokenizer {
    inner: Tokenizer,
    bos: u32,
    eos: u32,
    pad: u32,
    length: usize,
}

/// One tokenised text, padded to the tokenizer's length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// `length` ids: start, text, end, padding.
    pub ids: Vec<u32>,
    /// How many of the ids are start, text and end; the rest is padding.
    pub used: usize,
    /// How many tokens of the text did not fit and were cut off.
    pub dropped: usize,
}

impl Encoded {
    /// How many tokens of the text are read.
    pub fn tokens(&self) -> usize {
        self.used - 2
    }

    /// Whether the text was too long and lost its end.
    pub fn truncated(&self) -> bool {
        self.dropped > 0
    }
}

impl ClipTokenizer {
    /// Reads a `tokenizer/` folder in either layout; `positions` is the text encoder's number of positions,
    /// used where the folder does not say how long a sequence is.
    ///
    /// # Errors
    /// When a file is missing, is not JSON, repeats a key, or does not describe a CLIP tokenizer.
    pub fn load(folder: &Path, positions: usize) -> Result<Self> {
        Self::new(&TokenizerFiles::read(folder)?, positions)
    }

    /// Builds the tokenizer from the bytes of its files.
    ///
    /// # Errors
    /// As [`ClipTokenizer::load`].
    pub fn new(files: &TokenizerFiles, positions: usize) -> Result<Self> {
        let parts = files.parse()?;
        let refuse = |thing: String| files::refuse(&files.main_file(), thing);
        let library = |error: tokenizers::Error| refuse(error.to_string());
        let model = BPE::builder()
            .vocab_and_merges(parts.vocab.into_iter().collect::<Vocab>(), parts.merges)
            .unk_token(parts.unk.content.clone())
            .end_of_word_suffix("</w>".into())
            .build()
            .map_err(library)?;
        let mut inner = Tokenizer::new(model);
        inner.with_normalizer(Some(normalizer().map_err(library)?)).map_err(library)?;
        inner.with_pre_tokenizer(Some(pre_tokenizer().map_err(library)?));
        let claim = |(id, token): &(Option<u32>, AddedToken)| Some((token.content.clone(), (*id)?));
        let claims: Vec<(String, u32)> = parts.added.iter().filter_map(claim).collect();
        // All at once: the library builds its search for all of them anew at every call.
        inner.add_tokens(parts.added.into_iter().map(|(_, token)| token)).map_err(library)?;
        for (content, id) in claims {
            if inner.token_to_id(&content) != Some(id) {
                return Err(refuse(format!(
                    "the added token `{content}` cannot have the id it claims"
                )));
            }
        }
        let mut special = [&parts.bos, &parts.eos, &parts.unk, &parts.pad].map(AddedToken::clone);
        // The last of several with one text counts: one that is looked for as it stands comes after one that is also
        // found in capitals.
        special.sort_by_key(|token| !token.normalized);
        inner.add_special_tokens(special).map_err(library)?;
        let id = |token: &AddedToken| {
            let refused =
                || refuse(format!("the vocabulary lacks the special token `{}`", token.content));
            inner.token_to_id(&token.content).ok_or_else(refused)
        };
        let (bos, eos, pad) = (id(&parts.bos)?, id(&parts.eos)?, id(&parts.pad)?);
        let length = parts.length.map_or(positions, |length| length.min(positions));
        if length < 2 {
            return Err(refuse(format!("sequences of {length} tokens leave no room for text")));
        }
        Ok(Self { inner, bos, eos, pad, length })
    }

    /// Ids of a text, always `length()` of them: cut to fit, or padded.
    ///
    /// # Errors
    /// When the text is longer than 64 KiB.
    pub fn encode(&self, text: &str) -> Result<Encoded> {
        let text_ids = self.text_ids(text)?;
        let kept = text_ids.len().min(self.length - 2);
        let mut ids = Vec::with_capacity(self.length);
        ids.push(self.bos);
        ids.extend_from_slice(&text_ids[..kept]);
        ids.push(self.eos);
        let used = ids.len();
        ids.resize(self.length, self.pad);
        Ok(Encoded { ids, used, dropped: text_ids.len() - kept })
    }

    /// Where a word or phrase stands in a prompt: the token positions (0 is the start token) of every
    /// occurrence as whole words, in order. Occurrences that were cut off do not count.
    ///
    /// # Errors
    /// As [`ClipTokenizer::encode`].
    pub fn positions(&self, prompt: &str, phrase: &str) -> Result<Vec<Range<usize>>> {
        let wanted = self.text_ids(phrase)?;
        let encoded = self.encode(prompt)?;
        let text = &encoded.ids[..encoded.used - 1];
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let found =
            text.windows(wanted.len()).enumerate().skip(1).filter(|(_, ids)| *ids == wanted);
        Ok(found.map(|(at, _)| at..at + wanted.len()).collect())
    }

    /// How many ids every encoded text has.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The id that starts every sequence.
    pub fn bos(&self) -> u32 {
        self.bos
    }

    /// The id that ends every text.
    pub fn eos(&self) -> u32 {
        self.eos
    }

    /// The id that fills what the text leaves empty (for Stable Diffusion 2 it is `!`, not the end token).
    pub fn pad(&self) -> u32 {
        self.pad
    }

    /// How many rows a table of embeddings needs: one more than the largest id, added tokens included.
    pub fn vocabulary(&self) -> usize {
        self.inner.get_vocab(true).into_values().max().map_or(0, |largest| largest as usize + 1)
    }

    fn text_ids(&self, text: &str) -> Result<Vec<u32>> {
        let refuse = |why: String| {
            Error::setting("prompt", why, format!("give at most {LONGEST_PROMPT} bytes of text"))
        };
        if text.len() > LONGEST_PROMPT {
            return Err(refuse(format!("is {} bytes long", text.len())));
        }
        let encoding = self.inner.encode(text, false).map_err(|error| refuse(error.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }
}

fn normalizer() -> tokenizers::Result<Sequence> {
    let spaces = tokenizers::normalizers::replace::ReplacePattern::Regex(r"\s+".into());
    Ok(Sequence::new(vec![
        NormalizerWrapper::NFC(NFC),
        NormalizerWrapper::Replace(Replace::new(spaces, " ")?),
        NormalizerWrapper::Lowercase(Lowercase),
    ]))
}

fn pre_tokenizer() -> tokenizers::Result<PreSequence> {
    let words =
        Split::new(SplitPattern::Regex(WORDS.into()), SplitDelimiterBehavior::Removed, true)?;
    Ok(PreSequence::new(vec![
        PreTokenizerWrapper::Split(words),
        PreTokenizerWrapper::ByteLevel(ByteLevel::new(false, true, true)),
    ]))
}
