//! How bad each lint is, as the project sees it.

use std::collections::BTreeMap;

use super::{Code, Diagnostic, Severity, about::About, did_you_mean};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warning,
    Off,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Levels(BTreeMap<Code, Level>);

impl Levels {
    /// Sets the level of one lint, given by its name or code.
    ///
    /// # Errors
    /// What is wrong with the name or the level, in words.
    pub(crate) fn set(&mut self, name: &str, level: &str) -> Result<(), String> {
        let lints = About::ALL.iter().flat_map(|group| group.iter()).filter(|about| about.lint);
        let Some(about) = About::find(name) else {
            let near = did_you_mean(name, lints.map(|about| about.name));
            let hint =
                near.map_or_else(|| "`offerctl explain` lists them".to_owned(), |n| format!("did you mean `{n}`?"));
            return Err(format!("`{name}` is not a lint; {hint}"));
        };
        if !about.lint {
            return Err(format!("{} (`{}`) is always an error; only lints have a level", about.code, about.name));
        }
        let level = match level {
            "error" => Level::Error,
            "warning" => Level::Warning,
            "off" => Level::Off,
            other => return Err(format!("`{other}` is not a level; expected error, warning or off")),
        };
        self.0.insert(about.code, level);
        Ok(())
    }

    /// Gives each finding the severity that the project wants, and leaves out what it turned off.
    pub(crate) fn apply(&self, findings: &mut Vec<Diagnostic>) {
        findings.retain_mut(|finding| match self.0.get(&finding.code) {
            None => true,
            Some(Level::Off) => false,
            Some(level) => {
                finding.severity = if *level == Level::Error { Severity::Error } else { Severity::Warning };
                true
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;

    #[test]
    fn a_level_is_set_by_name_or_code_and_slips_are_named() {
        let mut levels = Levels::default();
        levels.set("no-image", "off").expect("a lint");
        levels.set("OFR0049", "error").expect("a lint");
        let source = Source { path: "a".into(), text: "".into() };
        let finding = |code| Diagnostic::warning(code, &source, None, "m");
        let mut findings = vec![finding(Code::NoImage), finding(Code::NotHttps), finding(Code::YamlTrap)];
        levels.apply(&mut findings);
        let kept = findings.iter().map(|finding| (finding.code, finding.severity)).collect::<Vec<_>>();
        assert_eq!(kept, [(Code::NotHttps, Severity::Error), (Code::YamlTrap, Severity::Warning)]);
        assert_eq!(levels.set("no-imgae", "off"), Err("`no-imgae` is not a lint; did you mean `no-image`?".into()));
        assert_eq!(levels.set("no-image", "on"), Err("`on` is not a level; expected error, warning or off".into()));
        assert_eq!(
            levels.set("syntax", "off"),
            Err("OFR0003 (`syntax`) is always an error; only lints have a level".into())
        );
    }
}
