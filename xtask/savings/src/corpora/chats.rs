//! Chats of people with a model, without tools.

use super::sources::fenced;
use crate::Random;
use crate::conversation::Conversation;

const HELPFUL: &str = "You are a helpful assistant.";

pub(super) fn plain(random: &mut Random) -> Conversation {
    let mut conversation = Conversation::new(HELPFUL);
    for _ in 0..random.between(4, 12) {
        let sentences = random.between(1, 5);
        let question = random.paragraph(sentences);
        conversation.user(&question);
        conversation.assistant(&answer(random));
    }
    let question = random.paragraph(2);
    conversation.user(&question);
    conversation
}

/// Paragraphs, now and then a list.
fn answer(random: &mut Random) -> String {
    let mut parts = Vec::new();
    for _ in 0..random.between(1, 4) {
        parts.push(match random.below(4) {
            0 => {
                let items: Vec<String> = (1..=random.between(3, 6))
                    .map(|number| {
                        format!("{number}. **{}**: {}", random.title(), random.sentence())
                    })
                    .collect();
                items.join("\n")
            }
            _ => {
                let sentences = random.between(2, 6);
                random.paragraph(sentences)
            }
        });
    }
    parts.join("\n\n")
}

pub(super) fn code(random: &mut Random) -> Conversation {
    let mut conversation = Conversation::new("You help with source code.");
    for _ in 0..random.between(2, 6) {
        let question = format!("{}\n\n{}", random.paragraph(2), fenced(random));
        conversation.user(&question);
        let answer = format!(
            "{}\n\n{}\n\n{}",
            random.paragraph(3),
            fenced(random),
            random.paragraph(2)
        );
        conversation.assistant(&answer);
    }
    let question = random.paragraph(2);
    conversation.user(&question);
    conversation
}

/// What mail programs and word processors leave in a clipboard.
pub(super) fn pasted(random: &mut Random) -> Conversation {
    let mut conversation = Conversation::new(HELPFUL);
    for _ in 0..random.between(2, 5) {
        let question = random.sentence();
        let text = match random.below(3) {
            0 => mail(random),
            1 => document(random),
            _ => web_text(random),
        };
        conversation.user(&format!("{question}\n\n{text}"));
        conversation.assistant(&answer(random));
    }
    let question = format!("{}\r\n\r\n{}", random.sentence(), mail(random));
    conversation.user(&question.replace("\r\n", "\n").replace('\n', "\r\n"));
    conversation
}

fn mail(random: &mut Random) -> String {
    let mut lines = vec![
        format!("From: {}", random.name()),
        format!("Sent: {}", random.time()),
        format!("Subject: {}", random.title()),
        String::new(),
    ];
    for _ in 0..random.between(2, 5) {
        let sentences = random.between(2, 5);
        // Mail programs that break lines keep the blank they break at.
        lines.extend(wrapped(&random.paragraph(sentences), " "));
        lines.push(String::new());
    }
    lines.push(random.name());
    lines.join("\n")
}

fn document(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.between(2, 5) {
        let sentences = random.between(2, 6);
        text.push_str(&format!(
            "{}  \n\n{}\n  \n",
            random.title(),
            random.paragraph(sentences)
        ));
    }
    text
}

/// Words that a page offers to break, and joints that nobody sees.
fn web_text(random: &mut Random) -> String {
    let sentences = random.between(4, 9);
    let text = random.paragraph(sentences);
    let broken = text.replace("migration", "migra\u{ad}tion");
    let broken = broken.replace("documentation", "documen\u{ad}tation");
    broken.replace(". ", ". \u{200b}")
}

/// Lines of about 72 characters, each but the last with this at its end.
fn wrapped(text: &str, end: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is one from the start");
        if !line.is_empty() && line.len() + word.len() > 72 {
            line.push_str(end);
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
