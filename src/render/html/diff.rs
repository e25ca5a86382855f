//! Before and after, side by side; one under the other where there is no room.

use maud::{Markup, html};

use crate::render::plural;
use crate::render::view::{Hunks, Line, Piece};

pub(super) fn pair(before: &Markup, after: &Markup) -> Markup {
    html! {
        div.diff { div.row {
            div.side.removed { span.label { "before" } (before) }
            div.side.added { span.label { "after" } (after) }
        } }
    }
}

/// The lines that change, each beside the one that takes its place.
pub(super) fn hunks(hunks: &Hunks) -> Markup {
    let mut rows = Vec::new();
    let (mut gone, mut come) = (Vec::new(), Vec::new());
    for line in &hunks.lines {
        match line {
            Line::Removed(pieces) => {
                if !come.is_empty() {
                    flush(&mut rows, &mut gone, &mut come);
                }
                gone.push(pieces.as_slice());
            }
            Line::Added(pieces) => come.push(pieces.as_slice()),
            Line::Same(_) | Line::Gap { .. } | Line::More(_) => {
                flush(&mut rows, &mut gone, &mut come);
                rows.push(other(line));
            }
        }
    }
    flush(&mut rows, &mut gone, &mut come);
    html! { @if !rows.is_empty() { div.diff { @for row in rows { (row) } } } }
}

fn other(line: &Line) -> Markup {
    match line {
        Line::Same(text) => html! { div.row.same { div.side { (text) } div.side aria-hidden="true" { (text) } } },
        Line::Gap { line, of, .. } => html! { p.gap { "line " (line) " of " (of) } },
        Line::More(count) => html! { p.gap { "… " (plural(*count, "more line")) } },
        Line::Removed(_) | Line::Added(_) => html! {},
    }
}

fn flush(rows: &mut Vec<Markup>, gone: &mut Vec<&[Piece]>, come: &mut Vec<&[Piece]>) {
    for at in 0..gone.len().max(come.len()) {
        rows.push(html! {
            div.row {
                @if let Some(pieces) = gone.get(at) {
                    div.side.removed { span.sign { "- " } @for piece in *pieces { @if piece.marked { del { (piece.text) } } @else { (piece.text) } } }
                } @else { div.side.none {} }
                @if let Some(pieces) = come.get(at) {
                    div.side.added { span.sign { "+ " } @for piece in *pieces { @if piece.marked { ins { (piece.text) } } @else { (piece.text) } } }
                } @else { div.side.none {} }
            }
        });
    }
    gone.clear();
    come.clear();
}
