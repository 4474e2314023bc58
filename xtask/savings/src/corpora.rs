//! The kinds of conversations, each in the shape its clients and tools give it.

mod agents;
mod chats;
mod languages;
mod logs;
mod pages;
mod records;
mod sources;
mod tables;
mod xml;

use crate::Random;
use crate::conversation::{Client, Conversation};

/// Conversations of one kind.
#[derive(Clone, Copy)]
pub struct Corpus {
    /// How it is called.
    pub name: &'static str,
    /// What is in it.
    pub about: &'static str,
    make: fn(&mut Random) -> Conversation,
}

impl Corpus {
    /// Every kind.
    pub const ALL: [Corpus; 12] = [
        Corpus {
            name: "agent-json",
            about: "an agent whose tools answer in JSON with two or four spaces a level",
            make: agents::pretty_printed,
        },
        Corpus {
            name: "agent-compact",
            about: "the same agent, whose tools answer in JSON without white space",
            make: agents::compact,
        },
        Corpus {
            name: "agent-code",
            about: "a coding agent that reads files, changes them and reads them again",
            make: agents::coding,
        },
        Corpus {
            name: "agent-screens",
            about: "an agent with screenshots in base64 in its tools' JSON",
            make: agents::screens,
        },
        Corpus {
            name: "html",
            about: "a tool that fetches pages, with navigation, scripts and styles",
            make: pages::conversation,
        },
        Corpus {
            name: "logs",
            about: "a shell tool: logs of services, builds, retries",
            make: logs::conversation,
        },
        Corpus {
            name: "xml",
            about: "tools that answer in XML, indented and not",
            make: xml::conversation,
        },
        Corpus {
            name: "tables",
            about: "tools that answer in CSV, tables of Markdown and psql, JSON Lines, YAML",
            make: tables::conversation,
        },
        Corpus {
            name: "chat",
            about: "a chat in English, without tools",
            make: chats::plain,
        },
        Corpus {
            name: "code-help",
            about: "questions and answers with source code in fences",
            make: chats::code,
        },
        Corpus {
            name: "pasted",
            about: "mails and documents pasted by users: CRLF, blanks, soft hyphens",
            make: chats::pasted,
        },
        Corpus {
            name: "languages",
            about: "a chat in nine languages with emoji",
            make: languages::conversation,
        },
    ];

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Corpus> {
        Corpus::ALL.into_iter().find(|corpus| corpus.name == name)
    }

    /// The body of one chat request of `size` bytes or a little more: conversations one behind
    /// the other, as the SDKs write them.
    pub fn body(&self, seed: u64, size: usize) -> Vec<u8> {
        let mut random = Random::new(seed);
        let mut all = (self.make)(&mut random);
        loop {
            let body = all.clone().into_body(Client::Sdk);
            if body.len() >= size {
                return body;
            }
            all.append((self.make)(&mut random));
        }
    }

    /// Bodies of chat requests, so many, as `seed` decides: each the last turn of a conversation
    /// of its own. Every third is written as Python's `json.dumps` does by itself, with spaces and
    /// escapes; the others as OpenAI's SDKs do.
    pub fn bodies(&self, seed: u64, count: usize) -> Vec<Vec<u8>> {
        (0..count as u64)
            .map(|number| {
                // Another one for each kind, whatever else is made.
                let salt: u64 = self.name.bytes().map(u64::from).sum();
                let mut random = Random::new(seed ^ salt << 32 ^ number << 16);
                let conversation = (self.make)(&mut random);
                let client = match number % 3 {
                    2 => Client::JsonDumps,
                    _ => Client::Sdk,
                };
                conversation.into_body(client)
            })
            .collect()
    }
}

/// A question, so many calls of tools, and an answer, several times.
fn turns(
    random: &mut Random,
    conversation: &mut Conversation,
    mut call: impl FnMut(&mut Random, &mut Conversation),
) {
    for _ in 0..random.between(2, 5) {
        let sentences = random.between(1, 3);
        let question = random.paragraph(sentences);
        conversation.user(&question);
        for _ in 0..random.between(1, 3) {
            call(random, conversation);
        }
        let sentences = random.between(2, 7);
        let answer = random.paragraph(sentences);
        conversation.assistant(&answer);
    }
    let question = random.paragraph(2);
    conversation.user(&question);
}

/// What operators of agents write at the beginning.
const SYSTEM: &str = "You are an assistant of the operations team. Use the tools to look things \
up, never guess identifiers, and say where each number comes from. Answer in the language of the \
question, in at most two paragraphs. If a tool fails, say so and stop. Do not change anything \
without being asked to. Amounts are in euros unless a record says otherwise; times are UTC.";

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_seed_gives_the_same_requests_and_another_gives_others() {
        for corpus in Corpus::ALL {
            let bodies = corpus.bodies(1, 3);
            assert_eq!(bodies, corpus.bodies(1, 3), "{}", corpus.name);
            assert_ne!(bodies, corpus.bodies(2, 3), "{}", corpus.name);
            for body in bodies {
                let body: Value = serde_json::from_slice(&body).unwrap();
                assert!(body["messages"].as_array().unwrap().len() > 3);
            }
        }
    }
}
