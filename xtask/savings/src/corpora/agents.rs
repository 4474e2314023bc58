//! Agents: models that call tools, whose results stay in the conversation.

use serde_json::{Value, json};

use super::records::{TOOLS, answer};
use super::sources::File;
use super::{SYSTEM, turns};
use crate::Random;
use crate::conversation::{Conversation, pretty};

/// Tools that answer in JSON made for people.
pub(super) fn pretty_printed(random: &mut Random) -> Conversation {
    let indent = random.one(&[2, 4]);
    with_tools(random, |answer| pretty(answer, indent))
}

/// Tools that answer in JSON made for programs.
pub(super) fn compact(random: &mut Random) -> Conversation {
    with_tools(random, Value::to_string)
}

fn with_tools(random: &mut Random, write: impl Fn(&Value) -> String) -> Conversation {
    let mut conversation = Conversation::new(SYSTEM);
    for (name, description, parameter) in TOOLS {
        conversation.tool(name, description, parameter);
    }
    turns(random, &mut conversation, |random, conversation| {
        let (name, arguments, answer) = answer(random);
        conversation.call(random, name, &arguments, &write(&answer));
    });
    conversation
}

/// Files that are read, changed, and read again.
pub(super) fn coding(random: &mut Random) -> Conversation {
    let mut conversation = Conversation::new(
        "You are a coding agent. Read before you write. After each change run the tests.",
    );
    conversation.tool("read_file", "Give the content of a file.", "path");
    conversation.tool("edit_file", "Replace lines of a file.", "path");
    conversation.tool("run", "Run a command in the project's folder.", "command");
    let mut files: Vec<File> = (0..3).map(|_| File::new(random)).collect();
    turns(random, &mut conversation, |random, conversation| {
        let at = random.below(files.len());
        let path = json!({"path": files[at].path});
        let text = files[at].text();
        conversation.call(random, "read_file", &path, &text);
        if random.chance(2) {
            files[at].change(random);
            conversation.call(random, "edit_file", &path, "1 change made");
            let text = files[at].text();
            conversation.call(random, "read_file", &path, &text);
        }
        if random.chance(2) {
            let tests = test_run(random);
            conversation.call(random, "run", &json!({"command": "pytest -q"}), &tests);
        }
    });
    conversation
}

fn test_run(random: &mut Random) -> String {
    let count = random.between(12, 60);
    let mut run = format!("{}  [100%]\n", ".".repeat(count));
    for _ in 0..random.below(3) {
        let name = random.function();
        run.push_str(&format!(
            "FAILED tests/test_{name}.py::test_{name} - AssertionError: assert {} == {}\n",
            random.below(100),
            random.below(100)
        ));
    }
    run.push_str(&format!(
        "{count} passed in {}.{:02}s\n",
        random.below(9),
        random.below(100)
    ));
    run
}

/// Screenshots beside what the page says.
pub(super) fn screens(random: &mut Random) -> Conversation {
    let mut conversation = Conversation::new(SYSTEM);
    conversation.tool("screenshot", "Take a picture of a page.", "url");
    turns(random, &mut conversation, |random, conversation| {
        let url = format!("https://app.internal/{}", random.function());
        let size = random.between(2_000, 9_000);
        let picture = json!({"url": url, "title": random.title(), "width": 1280, "height": 720,
            "text": random.paragraph(4), "image": format!("data:image/png;base64,{}", png(random, size))});
        conversation.call(
            random,
            "screenshot",
            &json!({"url": url}),
            &picture.to_string(),
        );
    });
    conversation
}

/// Base64 of about so many characters: the beginning of a PNG, and noise as compressed data is.
fn png(random: &mut Random, size: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = "iVBORw0KGgoAAAANSUhEUgAABQAAAALQCAIAAABH".to_owned();
    while text.len() < size || !text.len().is_multiple_of(4) {
        text.push(char::from(ALPHABET[random.below(64)]));
    }
    text
}
