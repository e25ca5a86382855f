//! Logos: the format by the address or the file's first bytes, the size by the file's header.

use super::{Offer, short};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Artifact, Entry, Kind, Node};

/// The logos and their sizes in pixels, width and height.
const SIZES: [(&str, (usize, usize)); 5] = [
    ("smallLogo", (48, 48)),
    ("mediumLogo", (90, 90)),
    ("largeLogo", (216, 216)),
    ("wideLogo", (255, 115)),
    ("heroLogo", (815, 290)),
];

/// What the first bytes of a file say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) form: Form,
    /// Width and height in pixels, where the header could be read.
    pub(crate) size: Option<(usize, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Png,
    Jpeg,
    Other,
}

/// Reads the format and the size from the head of a file; 64 KiB are enough for most.
pub(crate) fn picture(bytes: &[u8]) -> Picture {
    let form = match imagesize::image_type(bytes) {
        Ok(imagesize::ImageType::Png) => Form::Png,
        Ok(imagesize::ImageType::Jpeg) => Form::Jpeg,
        _ => Form::Other,
    };
    let size = imagesize::blob_size(bytes).ok().filter(|_| form != Form::Other);
    Picture { form, size: size.map(|size| (size.width, size.height)) }
}

/// Whether a value is a file of the project: `!artifact` before a path.
pub(super) fn is_local(node: &Node) -> bool {
    matches!(node.kind, Kind::Artifact(Artifact::File(_)))
}

fn logos(offer: &Offer<'_>, visit: &mut impl FnMut(&Entry, &str, (usize, usize))) {
    offer.entries(&mut |entry, _| {
        let own = short(&entry.key);
        let size = SIZES.iter().find(|(name, _)| *name == own).map(|(_, size)| *size);
        let file = match &entry.value.kind {
            Kind::Artifact(Artifact::File(file)) => Some(file.path.as_str()),
            _ => entry.value.as_str(),
        };
        let text = file.map(str::trim).filter(|text| !text.is_empty());
        if let (Some(size), Some(text)) = (size, text) {
            visit(entry, text, size);
        }
    });
}

pub(super) fn logo_type(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    logos(offer, &mut |entry, text, _| {
        let message = if is_local(&entry.value) {
            match (offer.context.picture)(offer.desired, text) {
                Some(Picture { form: Form::Other, .. }) => format!("`{text}` is not a PNG or JPEG picture"),
                _ => return,
            }
        } else {
            match by_address(text) {
                Some(what) => format!("`{}` is {what}, not a PNG or JPEG picture", short(&entry.key)),
                None => return,
            }
        };
        let help = "the portal drops a logo that it cannot use, without an error; use the address of a PNG picture";
        findings.push(offer.found(Code::LogoType, entry.value.span, message).help(help));
    });
}

/// What an address gives away about what it leads to, where that is no picture of the right kind.
fn by_address(text: &str) -> Option<&'static str> {
    let url = url::Url::parse(text).ok()?;
    let path = url.path().to_ascii_lowercase();
    if url.host_str() == Some("github.com") && path.contains("/blob/") && url.query() != Some("raw=true") {
        return Some("a GitHub page, not a picture");
    }
    match path.rsplit('/').next()?.rsplit_once('.')?.1 {
        "svg" => Some("an SVG drawing"),
        "gif" => Some("a GIF"),
        "webp" => Some("a WebP picture"),
        "ico" => Some("an icon file"),
        "bmp" => Some("a bitmap"),
        "html" | "htm" | "aspx" | "php" => Some("a web page"),
        "pdf" => Some("a PDF document"),
        _ => None,
    }
}

pub(super) fn logo_size(offer: &Offer<'_>, findings: &mut Vec<Diagnostic>) {
    logos(offer, &mut |entry, text, (width, height)| {
        if !is_local(&entry.value) {
            return;
        }
        let Some(Picture { size: Some(size), .. }) = (offer.context.picture)(offer.desired, text) else { return };
        if size != (width, height) {
            let name = short(&entry.key);
            let message = format!("`{text}` is {} by {} pixels; `{name}` must be {width} by {height}", size.0, size.1);
            let help = "resize the picture";
            findings.push(offer.found(Code::LogoSize, entry.value.span, message).help(help));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::tests::said;
    use super::*;

    #[test]
    fn the_address_tells_what_is_no_picture() {
        let found = said(
            "offer:\n  smallLogo: https://c.example/small.svg\n  mediumLogo: https://github.com/c/art/blob/main/m.png\n  largeLogo: https://c.example/large.PNG?v=2\n  wideLogo: https://c.example/wide\n  heroLogo: https://c.example/hero.html\n",
        );
        assert_eq!(
            found,
            [
                "logo-type 2:14 `smallLogo` is an SVG drawing, not a PNG or JPEG picture",
                "logo-type 3:15 `mediumLogo` is a GitHub page, not a picture, not a PNG or JPEG picture",
                "logo-type 6:13 `heroLogo` is a web page, not a PNG or JPEG picture",
            ]
        );
    }

    #[test]
    fn the_head_of_a_file_tells_its_form_and_size() {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        png.extend([0, 0, 0, 48, 0, 0, 0, 49, 8, 6, 0, 0, 0]);
        assert_eq!(picture(&png), Picture { form: Form::Png, size: Some((48, 49)) });
        let jpeg = b"\xff\xd8\xff\xc0\0\x11\x08\0\x5a\0\x5b\x03\x01\x22\0\x02\x11\x01\x03\x11\x01";
        assert_eq!(picture(jpeg), Picture { form: Form::Jpeg, size: Some((91, 90)) });
        assert_eq!(picture(b"GIF89a\x01\0\x01\0\0\0\0").form, Form::Other);
        assert_eq!(picture(b"").form, Form::Other);
    }
}
