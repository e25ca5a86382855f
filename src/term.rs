//! The one owner of the process's streams: results to stdout, messages to stderr. Every text is made safe once, here,
//! where it leaves.

use std::io::{self, IsTerminal as _, Write};

use crate::redact;
use crate::safe::{Escape, Safe};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb; anywhere with CLICOLOR_FORCE.
    #[default]
    Auto,
    Always,
    Never,
}

/// Text for a person: without secrets, control characters and commands.
fn safe(text: &str, colors: bool) -> Safe<'_> {
    Escape::Text.safe(text, colors).inert(Escape::Text)
}

/// stderr for a log, whose every line comes in one piece.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogStream {
    pub(crate) escape: Escape,
    pub(crate) colors: bool,
}

impl Write for LogStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let safe = self.escape.safe(&text, self.colors).inert(self.escape);
        io::stderr().lock().write_all(safe.as_str().as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// Tells of a defect without what it must not tell. The message of a panic can hold any value of the program.
pub(crate) fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let message =
            payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(|s| &**s));
        let message = redact::text(message.unwrap_or("a panic without a message"));
        let place = panic.location().map(|place| format!(" ({}:{})", place.file(), place.line())).unwrap_or_default();
        let mut text = format!(
            "error: a bug in offerctl: {message}{place}\n  hint: operations continue in the portal; run `offerctl \
                status` to see them. Please report this message\n"
        );
        let trace = std::backtrace::Backtrace::capture();
        if trace.status() == std::backtrace::BacktraceStatus::Captured {
            text += &trace.to_string();
        }
        let _ = io::stderr().lock().write_all(safe(&text, false).as_str().as_bytes());
    }));
}

/// The streams and how to use them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Term {
    pub(crate) stdout_color: bool,
    /// Columns of stdout; none where it is no terminal.
    pub(crate) stdout_width: Option<usize>,
    pub(crate) stderr_color: bool,
    /// Whether stderr is a terminal, for progress that moves.
    pub(crate) stderr_live: bool,
    /// Whether a question can be asked.
    pub(crate) interactive: bool,
    /// Whether talk is left out.
    pub(crate) quiet: bool,
}

impl Term {
    /// Looks at the streams and at the environment's wishes.
    pub(crate) fn new(color: ColorChoice, quiet: bool, no_input: bool) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let forced = std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0");
        let wanted = |terminal: bool| match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if set("NO_COLOR") => false,
            ColorChoice::Auto => forced || (terminal && !dumb),
        };
        let (stdin, stdout, stderr) =
            (std::io::stdin().is_terminal(), std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
        Self {
            stdout_color: wanted(stdout),
            stdout_width: terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0)),
            stderr_color: wanted(stderr),
            stderr_live: stderr && !dumb && !quiet,
            interactive: stdin && stderr && !no_input,
            quiet,
        }
    }

    /// Writes a result. A reader that went away (`| head`), or was never there, has no wish to be told.
    ///
    /// # Errors
    /// When the result did not arrive, on a full disk for example.
    pub(crate) fn result(&self, text: &str, escape: Escape) -> std::io::Result<()> {
        to_stdout(&escape.safe(text, self.stdout_color).inert(escape))
    }

    /// As [`Self::result`], for what a pipeline is to act upon: whoever makes it escapes what is in it.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn commands(&self, text: &str) -> std::io::Result<()> {
        to_stdout(&Escape::Text.safe(text, false))
    }

    /// Returns a text as stderr may show it.
    pub(crate) fn message(&self, text: &str) -> String {
        safe(text, self.stderr_color).as_str().to_owned()
    }

    /// Says something that `--quiet` leaves out.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.alert(text);
        }
    }

    /// Says something that is always said.
    pub(crate) fn alert(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{}", self.message(text));
    }

    /// Writes several lines that are always said; nothing for an empty text.
    pub(crate) fn alert_text(&self, text: &str) {
        let _ = std::io::stderr().lock().write_all(self.message(text).as_bytes());
    }

    /// Asks a question whose answer is yes or no; anything but yes is no.
    pub(crate) fn confirm(&self, question: &str) -> bool {
        // The lock is not held while the user thinks: others have something to say meanwhile.
        let _ = write!(std::io::stderr(), "{} [y/N] ", self.message(question));
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }

    /// Asks a question, and returns the line that is answered; nothing where the input has ended.
    pub(crate) fn ask(&self, question: &str) -> Option<String> {
        let _ = write!(std::io::stderr(), "{} ", self.message(question));
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer).ok()?;
        (read > 0).then(|| answer.trim().to_owned())
    }
}

fn to_stdout(text: &Safe<'_>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_str().as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
