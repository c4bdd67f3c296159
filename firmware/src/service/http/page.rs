//! What the pages have in common: the head, the way from one to the other, sections and rows.
//!
//! A page is whole without a script; its script, if there is one, lets the numbers move.

use core::fmt::{self, Arguments, Display, Write};

use super::response::Response;
use super::text::Html;

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `/`: the board.
    Board,
    /// `/life`: the visitor's own frames.
    Life,
    /// `/tables`.
    Tables,
    /// `/log`.
    Log,
    /// `/lab`.
    Lab,
}

impl Place {
    const ALL: [Self; 5] = [Self::Board, Self::Life, Self::Tables, Self::Log, Self::Lab];

    /// Where it is, how it is called, and its script.
    const fn facts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Board => ("/", "Board", "board.js"),
            Self::Life => ("/life", "Life", "life.js"),
            Self::Tables => ("/tables", "Tables", "live.js"),
            Self::Log => ("/log", "Log", "log.js"),
            Self::Lab => ("/lab", "Lab", "live.js"),
        }
    }
}

/// Writes what comes before a page's own content. `small` explains the title.
pub(super) fn begin(
    out: &mut Response,
    place: Place,
    title: &dyn Display,
    small: &dyn Display,
) -> fmt::Result {
    let (.., script) = place.facts();
    let title = Html(title);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <title>{title}</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n\
         <script src=\"/{script}\" defer></script></head>\n<body>\n\
         <header><h1>{title} <small>{}</small></h1>\n<nav aria-label=\"Pages\">",
        Html(small)
    )?;
    for other in Place::ALL {
        let (path, name, _) = other.facts();
        let here = if other == place { " aria-current=\"page\"" } else { "" };
        write!(out, "<a href=\"{path}\"{here}>{name}</a>")?;
    }
    out.write_str("</nav></header>\n<main>\n")
}

/// Writes what comes after it: where the same is for programs.
pub(super) fn end(out: &mut Response, documents: &[&str]) -> fmt::Result {
    let version = env!("CARGO_PKG_VERSION");
    write!(out, "</main><footer>barewire {version}")?;
    for name in documents {
        write!(out, " &middot; <a href=\"/{name}\">{name}</a>")?;
    }
    out.write_str("</footer>\n</body></html>\n")
}

/// Begins a section with a table.
pub(super) fn begin_table(out: &mut Response, title: &str, attributes: &str) -> fmt::Result {
    writeln!(out, "<section><h2>{title}</h2><table{attributes}>")
}

/// Ends it.
pub(super) fn end_table(out: &mut Response) -> fmt::Result {
    out.write_str("</table></section>\n")
}

/// A line of a table. `value` is markup.
pub(super) fn row(out: &mut Response, name: &str, value: Arguments<'_>) -> fmt::Result {
    writeln!(out, "<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>")
}

/// A value of `/status.json`, by its path there, which the script keeps up to date in its form.
/// What is printed is markup.
pub(super) struct Live<T>(pub &'static str, pub &'static str, pub T);

impl<T: Display> Display for Live<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(path, form, value) = self;
        write!(f, "<span data-path=\"{path}\"")?;
        if *form != "count" {
            write!(f, " data-form=\"{form}\"")?;
        }
        write!(f, ">{value}</span>")
    }
}
