//! The texts of a message as one folded text, and the way back to the body.

use core::ops::Range;

use super::action::Action;
use super::finding::Finding;
use super::fold::{self, Place, Unseen};
use super::screen::{Found, Room, Screen, Spending, What, action_of};
use super::seams::Seams;
use crate::Span;
use crate::request::texts::{RequestText, Speaker};

/// Room for views of texts, kept from one request to the next.
#[derive(Debug, Default)]
pub(super) struct Views {
    text: Vec<u8>,
    /// Where in the view each of the texts begins and ends.
    parts: Vec<(usize, usize)>,
    seams: Seams,
    found: Vec<Found>,
    across: Vec<Found>,
    room: Room,
}

/// What is kept for the next request.
const KEPT: usize = 1 << 20;

impl Views {
    /// Gives back what a large request needed.
    pub(super) fn shrink(&mut self) {
        if self.text.capacity() > KEPT {
            *self = Views::default();
        }
    }

    /// Finds what is in `texts`, which are one message's and one speaker's.
    pub(super) fn find(
        &mut self,
        screen: &Screen,
        body: &[u8],
        texts: &[RequestText],
        spending: &mut Spending,
        findings: &mut Vec<Finding>,
    ) {
        let Some(speaker) = texts.first().map(|text| text.speaker) else {
            return;
        };
        self.text.clear();
        self.parts.clear();
        self.found.clear();
        let invisible = action_of(&screen.config().invisible_text, speaker);
        for text in texts {
            if !self.text.is_empty() {
                self.text.push(b'\n');
            }
            let start = self.text.len();
            let content = text.content;
            let source = content.span.of(body);
            if self.text.try_reserve(source.len()).is_err() {
                spending.is_over = true;
                continue;
            }
            let unseen = fold::fold(source, content.escaped, &mut self.text);
            self.parts.push((start, self.text.len()));
            if unseen.count > 0 && invisible != Action::Off {
                findings.push(hidden(screen, body, text, unseen, invisible));
            }
        }
        screen.find(
            &self.text,
            speaker,
            spending,
            &mut self.room,
            &mut self.found,
        );
        self.find_across_seams(screen, texts, speaker, spending);
        self.lead_back(screen, body, texts, findings);
    }

    /// Looks at the parts of a message as they are with nothing between them, for what is found
    /// across them only.
    fn find_across_seams(
        &mut self,
        screen: &Screen,
        texts: &[RequestText],
        speaker: Speaker,
        spending: &mut Spending,
    ) {
        let contents = texts.iter().zip(&self.parts);
        let contents = contents.filter(|(text, _)| text.is_content);
        self.seams
            .join(&self.text, contents.map(|(_, (start, end))| *start..*end));
        if self.seams.text().is_empty() {
            return;
        }
        let mut found = core::mem::take(&mut self.across);
        screen.find(
            self.seams.text(),
            speaker,
            spending,
            &mut self.room,
            &mut found,
        );
        self.found.sort_unstable_by_key(Found::order);
        let within = self.found.len();
        for one in found.drain(..).filter(|one| one.what != What::Model) {
            if let Some(range) = self.seams.in_view(&one.range) {
                let known = self.found.get(..within).unwrap_or_default();
                let is_known = matches!(one.what, What::PersonalData(_))
                    && is_part_of(known, one.what, &range);
                if !is_known {
                    self.found.push(Found { range, ..one });
                }
            }
        }
        self.across = found;
    }

    /// Adds what was found in the view as findings in the body.
    fn lead_back(
        &mut self,
        screen: &Screen,
        body: &[u8],
        texts: &[RequestText],
        findings: &mut Vec<Finding>,
    ) {
        self.found.sort_unstable_by_key(Found::order);
        self.found.dedup();
        let first = findings.len();
        let speaker = texts.first().map(|text| text.speaker);
        for one in &self.found {
            let Some(speaker) = speaker else { break };
            let (category, severity) = screen.about(one.what, speaker);
            findings.push(Finding {
                what: one.what,
                action: one.action,
                category,
                severity,
                at: u32::MAX,
                places: Vec::new(),
            });
        }
        // Findings and parts are both in the order of the view; of what reaches past the end of
        // a part, the rest is in the parts behind it.
        let mut next = 0usize;
        let mut within: Vec<usize> = Vec::new();
        let mut places: Vec<Place> = Vec::new();
        for (text, (start, end)) in texts.iter().zip(&self.parts) {
            while self
                .found
                .get(next)
                .is_some_and(|one| one.range.start < *end)
            {
                within.push(next);
                next = next.saturating_add(1);
            }
            places.clear();
            for (own, at) in within.iter().enumerate() {
                let Some(one) = self.found.get(*at) else {
                    continue;
                };
                let (from, to) = (one.range.start.max(*start), one.range.end.min(*end));
                if from < to {
                    for (folded, is_start) in [(from, true), (to, false)] {
                        places.push(Place {
                            folded: folded.saturating_sub(*start),
                            is_start,
                            source: own,
                        });
                    }
                }
            }
            let spans = locate(body, text, &mut places, within.len());
            for (at, span) in within.iter().zip(spans) {
                let finding = findings.get_mut(first.saturating_add(*at));
                if let (Some(finding), Some(span)) = (finding, span) {
                    finding.at = finding.at.min(span.start);
                    finding.places.push(span);
                }
            }
            within.retain(|at| self.found.get(*at).is_some_and(|one| one.range.end > *end));
        }
    }
}

/// Whether one of `known`, which are sorted, is `what` and begins within `range`, or at most
/// [`LONGEST_ADDRESS`] ahead of it: an address that ends a part does not go on with the first word
/// of the next.
fn is_part_of(known: &[Found], what: What, range: &Range<usize>) -> bool {
    let from = range.start.saturating_sub(LONGEST_ADDRESS);
    let near = known.partition_point(|other| other.range.start < from);
    let near = known.get(near..).unwrap_or_default().iter();
    near.take_while(|other| other.range.start < range.end)
        .any(|other| other.what == what && other.range.end > range.start)
}

/// Personal data that is longer is found again with what follows its part.
const LONGEST_ADDRESS: usize = 256;

/// Where in the body the `places` of a folded text stand, by what they say is their `source`,
/// one of `count`.
fn locate(
    body: &[u8],
    text: &RequestText,
    places: &mut [Place],
    count: usize,
) -> Vec<Option<Span>> {
    if places.is_empty() {
        return Vec::new();
    }
    places.sort_unstable();
    // Whose each is, is put aside while its source is found.
    let owners: Vec<usize> = places.iter().map(|place| place.source).collect();
    let content = text.content;
    fold::locate(content.span.of(body), content.escaped, places);
    let base = content.span.start as usize;
    let mut spans: Vec<Option<Span>> = vec![None; count];
    let mut starts: Vec<usize> = vec![0; count];
    for (place, owner) in places.iter().zip(owners) {
        let at = base.saturating_add(place.source);
        let (Some(span), Some(start)) = (spans.get_mut(owner), starts.get_mut(owner)) else {
            continue;
        };
        if place.is_start {
            *start = at;
        } else {
            *span = Some(Span::new(*start, at));
        }
    }
    spans
}

/// The finding that something in a text is not to be seen.
fn hidden(
    screen: &Screen,
    body: &[u8],
    text: &RequestText,
    unseen: Unseen,
    action: Action,
) -> Finding {
    let (category, severity) = screen.about(What::Invisible, text.speaker);
    let base = text.content.span.start as usize;
    let places = match action {
        Action::Mask => fold::unseen_places(text.content.span.of(body), text.content.escaped)
            .into_iter()
            .map(|range| {
                Span::new(
                    base.saturating_add(range.start),
                    base.saturating_add(range.end),
                )
            })
            .collect(),
        Action::Off | Action::Report | Action::Block => Vec::new(),
    };
    Finding {
        what: What::Invisible,
        action,
        category,
        severity,
        at: Span::new(base.saturating_add(unseen.first), 0).start,
        places,
    }
}
