//! One question to an endpoint of OpenAI's chat completions.
use crate::exit::Exit;
use crate::failure::Failure;
use oubliette_evidence::harmless;
use serde_json::{Value, json};
use std::time::Duration;
use ureq::Agent;

/// Most bytes of an answer.
const MOST: u64 = 1 << 20;
/// A slow model on a small machine needs minutes.
const PATIENCE: Duration = Duration::from_secs(600);

/// What the model says.
///
/// # Errors
/// The endpoint cannot be reached, refuses, or answers something else.
pub(super) fn chat(
    endpoint: &str,
    model: &str,
    question: &str,
    key: Option<&str>,
) -> Result<String, Failure> {
    let url = format!("{}/chat/completions", endpoint.trim_end_matches('/'));
    let settings =
        Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false);
    let agent: Agent = settings.build().into();
    let mut request = agent.post(&url).header("Accept", "application/json");
    if let Some(key) = key {
        request = request.header("Authorization", format!("Bearer {key}"));
    }
    let body = json!({
        "model": model, "temperature": 1.0, "response_format": { "type": "json_object" },
        "messages": [{ "role": "user", "content": question }],
    });
    let unreachable = |error: ureq::Error| {
        let (exit, remedy) = match error {
            ureq::Error::Timeout(_) => (Exit::TryAgain, "try again, or ask a faster model"),
            ureq::Error::BodyExceedsLimit(_) => {
                (Exit::Input, "is it an endpoint of OpenAI's chat completions?")
            }
            _ => (Exit::Input, "start the server, or correct `--endpoint`"),
        };
        Failure::new("endpoint", exit, format!("`{url}` does not answer: {error}; {remedy}"))
    };
    let mut response = request.send_json(body).map_err(unreachable)?;
    let status = response.status();
    let text =
        response.body_mut().with_config().limit(MOST).read_to_string().map_err(unreachable)?;
    if !status.is_success() {
        return Err(refused(&url, status.as_u16(), &text));
    }
    let answer: Option<Value> = serde_json::from_str(&text).ok();
    let said =
        answer.as_ref().and_then(|answer| answer["choices"][0]["message"]["content"].as_str());
    said.map(str::to_owned).ok_or_else(|| refused(&url, status.as_u16(), &text))
}

fn refused(url: &str, status: u16, text: &str) -> Failure {
    let remedy = match status {
        401 | 403 => "put a valid key into OUBLIETTE_API_KEY",
        404 => "correct `--endpoint`, which ends with the version (`/v1`), or `--model`",
        429 | 500..=599 => "try again later",
        _ => "is it an endpoint of OpenAI's chat completions?",
    };
    let exit = if matches!(status, 429 | 500..=599) { Exit::TryAgain } else { Exit::Input };
    let said: String = harmless::line(text).chars().take(200).collect();
    let message = format!("`{url}` answers with {status} and no words: {said}; {remedy}");
    Failure::new("endpoint", exit, message)
}
