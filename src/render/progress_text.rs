//! What goes on, as it goes on: one line for each change, how far it is, and what the portal has to say of it.

use super::report_text::done_name;
use super::visible;
use crate::apply::Event;
use crate::portal::{Level, OperationView, StepState};

/// One line about an event; `None` for what is not worth one. With `percent`, how far a step is, which changes often.
pub(crate) fn progress_line(event: &Event, percent: bool) -> Option<String> {
    match event {
        Event::Did(key, done) => Some(format!("{key}: {}", done_name(*done))),
        Event::Seen(key, view) => Some(format!("{key}: {}", seen(view, percent))),
        Event::Silent(key, problem) => {
            let why = visible(&problem.headline(), false);
            Some(format!("{key}: no answer, still waiting: {why}"))
        }
        Event::Begun(_) | Event::Ended(_) => None,
    }
}

fn seen(view: &OperationView, percent: bool) -> String {
    let Some(step) = view.current() else { return view.state.to_string() };
    let state = if percent && step.state == StepState::InProgress {
        format!("{} %", step.percent)
    } else {
        step.state.to_string()
    };
    let estimate = match step.state {
        StepState::InProgress if !step.estimate.is_empty() => format!(" (the portal's estimate: {})", step.estimate),
        _ => String::new(),
    };
    visible(&format!("{} {state}{estimate}", step.name), false)
}

/// How far an operation is, in percent of its steps. The sign-off and what follows it count, so an operation that waits
/// for the publisher is not at its end.
pub(crate) fn progress_percent(view: &OperationView) -> u64 {
    let steps = u64::try_from(view.steps.len()).unwrap_or_default().max(1);
    let passed = view.steps.iter().map(|step| match step.state {
        StepState::Complete => 100,
        StepState::InProgress => u64::from(step.percent),
        _ => 0,
    });
    passed.sum::<u64>() / steps
}

/// What the portal warns of, or objects to, one line each.
pub(crate) fn progress_messages(event: &Event) -> Vec<String> {
    let Event::Seen(key, view) = event else { return Vec::new() };
    let steps =
        view.steps.iter().flat_map(|step| step.messages.iter().map(move |message| (step.name.as_str(), message)));
    let all = view.messages.iter().map(|message| ("", message)).chain(steps);
    let grave = all.filter(|(_, message)| message.level != Level::Info);
    grave
        .map(|(step, message)| {
            let step = if step.is_empty() { String::new() } else { format!("{step}: ") };
            visible(&format!("{key}: {step}{}", message.text), false)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn view() -> OperationView {
        OperationView::parse(&json!({"status": "running", "steps": [
            {"id": "displaycertify", "stepName": "Certification", "status": "complete"},
            {"id": "displayprovision", "stepName": "Provisioning", "status": "inProgress", "progressPercentage": 40,
             "estimatedTimeFrame": "1-2 days", "messages": [
                {"messageHtml": "<p>The <b>logo</b>\u{202e} is small.</p>", "level": "warning"},
                {"messageHtml": "It goes on.", "level": "information"}]},
            {"id": "publisher-signoff", "stepName": "Sign-off", "status": "notStarted"},
            {"id": "live", "stepName": "Live", "status": "notStarted"}]}))
        .expect("a view")
    }

    #[test]
    fn a_line_names_the_step_and_the_portals_own_estimate() {
        let event = Event::Seen("contoso/a".parse().expect("a key"), view());
        let line = "contoso/a: Provisioning 40 % (the portal's estimate: 1-2 days)";
        assert_eq!(progress_line(&event, true).as_deref(), Some(line));
        let line = "contoso/a: Provisioning in progress (the portal's estimate: 1-2 days)";
        assert_eq!(progress_line(&event, false).as_deref(), Some(line), "a log gets no line for each percent");
    }

    #[test]
    fn progress_counts_the_steps() {
        assert_eq!(progress_percent(&view()), 35);
        assert_eq!(progress_percent(&OperationView { steps: Vec::new(), ..view() }), 0);
    }

    #[test]
    fn what_the_portal_warns_of_is_shown_as_text() {
        let event = Event::Seen("contoso/a".parse().expect("a key"), view());
        assert_eq!(progress_messages(&event), ["contoso/a: Provisioning: The logo\\u{202e} is small."]);
    }
}
