//! Pages of the web as a tool fetches them.

use std::fmt::Write as _;

use serde_json::json;

use super::{SYSTEM, turns};
use crate::Random;
use crate::conversation::Conversation;

pub(super) fn conversation(random: &mut Random) -> Conversation {
    let mut conversation = Conversation::new(SYSTEM);
    conversation.tool("fetch", "Fetch a page and give its source.", "url");
    turns(random, &mut conversation, |random, conversation| {
        let url = format!("https://docs.example/{}", random.function());
        let page = page(random);
        conversation.call(random, "fetch", &json!({"url": url}), &page);
    });
    conversation
}

fn page(random: &mut Random) -> String {
    let title = random.title();
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<link rel=\"stylesheet\" href=\"/static/site.{}.css\">\n<style>\n{}</style>\n<script>\n{}</script>\n</head>\n<body class=\"page page--docs\">\n",
        random.hex(8),
        style(random),
        script(random)
    );
    let _ = write!(page, "<nav class=\"nav\" aria-label=\"Main\">\n<ul>\n");
    for _ in 0..random.between(6, 20) {
        let name = random.title();
        let _ = writeln!(
            page,
            "<li class=\"nav__item\"><a class=\"nav__link\" href=\"/{}\">{name}</a></li>",
            random.function()
        );
    }
    let _ = write!(
        page,
        "</ul>\n</nav>\n<main id=\"content\">\n<article>\n<h1>{title}</h1>\n"
    );
    for _ in 0..random.between(2, 6) {
        section(random, &mut page);
    }
    let _ = write!(
        page,
        "</article>\n</main>\n<footer class=\"footer\"><p>&copy; 2026 {} &middot; <a href=\"/imprint\">Imprint</a></p></footer>\n<script src=\"/static/app.{}.js\" defer></script>\n</body>\n</html>\n",
        random.name(),
        random.hex(8)
    );
    page
}

fn section(random: &mut Random, page: &mut String) {
    let _ = writeln!(
        page,
        "<section class=\"section\" data-id=\"{}\">\n<h2 id=\"{}\">{}</h2>",
        random.hex(8),
        random.function(),
        random.title()
    );
    for _ in 0..random.between(1, 4) {
        let sentences = random.between(2, 5);
        let text = random
            .paragraph(sentences)
            .replace("the gateway", "the <em>gateway</em>");
        let _ = writeln!(page, "<p class=\"text\">{text}</p>");
    }
    match random.below(3) {
        0 => {
            page.push_str("<ul class=\"list\">\n");
            for _ in 0..random.between(3, 7) {
                let _ = writeln!(
                    page,
                    "<li><a href=\"/{}\">{}</a></li>",
                    random.function(),
                    random.title()
                );
            }
            page.push_str("</ul>\n");
        }
        1 => {
            page.push_str("<table class=\"table\">\n<thead><tr><th>Name</th><th>Kind</th><th>Limit</th></tr></thead>\n<tbody>\n");
            for _ in 0..random.between(3, 9) {
                let _ = writeln!(
                    page,
                    "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                    random.function(),
                    random.one(&["string", "integer"]),
                    random.below(900)
                );
            }
            page.push_str("</tbody>\n</table>\n");
        }
        _ => {
            let _ = writeln!(
                page,
                "<pre><code>$ curl -s localhost:8080/{}\n{{\"status\": \"ok\"}}\n</code></pre>",
                random.function()
            );
        }
    }
    page.push_str("</section>\n");
}

fn style(random: &mut Random) -> String {
    (0..random.between(10, 40))
        .map(|_| {
            format!(
                ".{} {{ margin: {}px; padding: {}px; color: #{}; }}\n",
                random.function().replace('_', "-"),
                random.below(40),
                random.below(40),
                random.hex(6)
            )
        })
        .collect()
}

fn script(random: &mut Random) -> String {
    (0..random.between(4, 14))
        .map(|_| {
            format!(
                "window.{0} = window.{0} || function(e){{(window.q = window.q || []).push([\"{1}\", e, {2}])}};\n",
                random.function(),
                random.hex(8),
                random.below(1_000)
            )
        })
        .collect()
}
