//! The last minute's consumption over time, as a drawing: a panel a case, a line a policy.

use std::fmt::Write as _;
use std::time::Duration;

use crate::policy::{POLICIES, Policy};
use crate::report::{MOST_IN_A_WINDOW, Row};

const WIDTH: f64 = 900.0;
const PANEL_HEIGHT: f64 = 220.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 24.0;
/// Of a panel: its heading above, the minutes below.
const TOP: f64 = 34.0;
const BOTTOM: f64 = 30.0;
const LEGEND_HEIGHT: f64 = 28.0;
/// Above this a line leaves the panel, or the others would lie on each other.
const MOST_SHOWN: f64 = 2.5;

/// Distinguishable with most kinds of colour blindness (Okabe and Ito).
const COLOURS: [&str; 6] = [
    "#0072b2", "#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#d55e00",
];

/// The drawing as SVG. Of several tenants, the one whose worst window is the worst.
pub fn svg(title: &str, rows: &[Row]) -> String {
    let mut cases: Vec<&str> = Vec::new();
    let mut policies: Vec<Policy> = Vec::new();
    for row in rows {
        if !cases.contains(&row.case.as_str()) {
            cases.push(&row.case);
        }
        if !policies.contains(&row.policy) {
            policies.push(row.policy);
        }
    }
    let legend_rows = policies.len().div_ceil(3) as f64;
    let head = 36.0 + LEGEND_HEIGHT * legend_rows;
    let height = head + PANEL_HEIGHT * cases.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{}</text>\n",
        escaped(title)
    );
    for (at, policy) in policies.iter().enumerate() {
        let x = LEFT + (at % 3) as f64 * (WIDTH - LEFT) / 3.0;
        let y = 44.0 + LEGEND_HEIGHT * (at / 3) as f64;
        let _ = writeln!(
            svg,
            "<path d=\"M{x} {}h22\" stroke=\"{}\" stroke-width=\"3\"/>\
             <text x=\"{}\" y=\"{y}\">{} ({} s)</text>",
            y - 4.0,
            colour(*policy),
            x + 28.0,
            escaped(policy.name),
            policy.burst_seconds
        );
    }
    for (at, case) in cases.iter().enumerate() {
        let of_case: Vec<&Row> = rows.iter().filter(|row| row.case == *case).collect();
        let top = head + PANEL_HEIGHT * at as f64;
        panel(&mut svg, top, case, &of_case);
    }
    svg.push_str("</svg>\n");
    svg
}

/// The same in every drawing.
fn colour(policy: Policy) -> &'static str {
    let place = POLICIES.iter().position(|known| *known == policy);
    COLOURS[place.unwrap_or(0) % COLOURS.len()]
}

fn panel(svg: &mut String, top: f64, case: &str, rows: &[&Row]) {
    let duration = rows.iter().map(|row| row.outcome.duration).max();
    let duration = duration.unwrap_or_default().as_secs_f64().max(1.0);
    let worst = rows.iter().map(|row| row.outcome.worst_window());
    let most = worst.fold(1.2, f64::max).min(MOST_SHOWN);
    let (bottom, plotted) = (top + PANEL_HEIGHT - BOTTOM, PANEL_HEIGHT - TOP - BOTTOM);
    let x = |time: Duration| LEFT + time.as_secs_f64() / duration * (WIDTH - LEFT - RIGHT);
    let y = |part: f64| bottom - part.min(most) / most * plotted;

    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\">{}</text>",
        top + TOP - 12.0,
        escaped(case)
    );
    for (part, dashes, label) in [
        (0.0, "", "0"),
        (1.0, "", "100 %"),
        (MOST_IN_A_WINDOW, "4 4", "110 %"),
    ] {
        let dashes = match dashes {
            "" => String::new(),
            dashes => format!(" stroke-dasharray=\"{dashes}\""),
        };
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{}\" stroke=\"#999\"{dashes}/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" font-size=\"10\">{label}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            // 100 and 110 % lie close to each other.
            y(part) + if part > 1.0 { 0.0 } else { 8.0 },
            y = y(part),
        );
    }
    for minute in 0..=(duration / 60.0) as u64 {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\" font-size=\"10\">{minute} min</text>",
            x(Duration::from_secs(minute * 60)),
            bottom + 18.0
        );
    }
    for row in rows {
        let worst = row.outcome.tenants.iter().max_by(|a, b| {
            let (a, b) = (a.consumption.worst_window(), b.consumption.worst_window());
            a.total_cmp(&b)
        });
        let Some(tenant) = worst else { continue };
        let mut path = String::new();
        for (time, held) in tenant.consumption.each_second(row.outcome.duration) {
            let command = if path.is_empty() { 'M' } else { 'L' };
            let part = held / row.outcome.limit_a_minute;
            let _ = write!(path, "{command}{:.1} {:.1}", x(time), y(part));
        }
        let _ = writeln!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"/>",
            colour(row.policy)
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Outcome, Tenant};
    use crate::policy::{AFTER, EXPECTED};

    #[test]
    fn each_case_has_a_panel_and_each_policy_a_line() {
        let row = |case: &str, policy, amount| {
            let mut tenant = Tenant::default();
            for second in 0..120 {
                tenant.consumption.at(Duration::from_secs(second), amount);
            }
            Row {
                case: case.to_owned(),
                policy,
                outcome: Outcome {
                    limit_a_minute: 60.0,
                    duration: Duration::from_secs(120),
                    tenants: vec![tenant],
                    counters: None,
                    decision_calls: None,
                },
            }
        };
        let rows = [
            row("3 × & more", EXPECTED, 1.0),
            row("3 × & more", AFTER, 9.0),
            row("10 ×", EXPECTED, 1.0),
        ];
        let svg = svg("last minute", &rows);
        let count = |text: &str| svg.matches(text).count();
        assert_eq!(count("fill=\"none\""), 3);
        assert_eq!(count("3 × &amp; more"), 1);
        assert_eq!(count("110 %"), 2);
        assert_eq!(count(AFTER.name), 1);
        // A line beyond the panel runs along its top: nothing is drawn above the heading.
        assert!(!svg.contains(" -"), "{svg}");
    }
}
