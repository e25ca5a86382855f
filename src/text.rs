//! Texts that somebody else wrote: editors and servers put a byte order mark before them, or save them as UTF-16.

use std::fs::File;
use std::io;
use std::path::Path;

/// Why bytes are not a text that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotText {
    #[error("it is UTF-16; save it as UTF-8")]
    Utf16,
    #[error("it is not UTF-8 after the first {valid} bytes")]
    NotUtf8 {
        /// How many bytes before the first bad one.
        valid: usize,
    },
}

/// The text without its byte order mark.
pub(crate) fn decode(bytes: &[u8]) -> Result<&str, NotText> {
    // Without a mark, every second byte of the first two characters is zero.
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [1..=255, 0, 1..=255, 0, ..] | [0, 1..=255, 0, 1..=255, ..] = bytes {
        return Err(NotText::Utf16);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| NotText::NotUtf8 { valid: error.valid_up_to() })
}

/// Opens a regular file for reading. Links are followed. Anything else is an error: a pipe or a device may never end.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let regular = |is: bool| if is { Ok(()) } else { Err(io::Error::other("it is not a regular file")) };
    // Opening a pipe would wait for a writer, so the look at the path comes first.
    regular(path.metadata()?.is_file())?;
    let file = File::open(path)?;
    regular(file.metadata()?.is_file())?;
    Ok(file)
}

/// As [`open`], for a file that somebody else names: none of the system, which could hold the secrets of this process.
pub(crate) fn open_named(path: &Path) -> io::Result<File> {
    let full = path.canonicalize()?;
    if ["/proc", "/sys", "/dev"].iter().any(|folder| full.starts_with(folder)) {
        return Err(io::Error::other("files in /proc, /sys and /dev are not read"));
    }
    open(&full)
}

/// What a file holds, as text.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    let bytes = std::fs::read(path)?;
    decode(&bytes).map(ToOwned::to_owned).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn only_regular_files_outside_of_the_system_are_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "x").expect("written");
        assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().expect("mkfifo").success());
        let links = [("good", "file"), ("environ", "/proc/self/environ"), ("null", "/dev/null"), ("pipe-link", "pipe")];
        for (name, to) in links {
            std::os::unix::fs::symlink(to, at(name)).expect("a link");
        }
        assert!(open_named(&at("file")).is_ok() && open_named(&at("good")).is_ok());
        for name in ["pipe", "pipe-link", "environ", "null", ".", "none", "/proc/self/status", "/dev/zero"] {
            assert!(open_named(&at(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_text_and_utf_16_is_named() {
        for (bytes, read) in [
            (&b"\xef\xbb\xbf{}"[..], Ok("{}")),
            (b"{}", Ok("{}")),
            (b"", Ok("")),
            (b"\xff\xfe{\0}\0", Err(NotText::Utf16)),
            (b"\xfe\xff\0{\0}", Err(NotText::Utf16)),
            (b"{\0}\0", Err(NotText::Utf16)),
            (b"\0{\0}", Err(NotText::Utf16)),
            (b"\xef\xbb\xbfcaf\xe9", Err(NotText::NotUtf8 { valid: 3 })),
        ] {
            assert_eq!(decode(bytes), read, "{bytes:?}");
        }
    }
}
