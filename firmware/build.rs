//! Makes a table of the files in `web/` for `service/http/file.rs`: each with its path, what gzip
//! makes of it if that is shorter, and an entity tag for either form.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::{env, fs};

use crc::{CRC_64_XZ, Crc};
use flate2::{Compression, GzBuilder};

/// Tags need not be hard to forge, only to be others for other bytes.
const SUM: Crc<u64> = Crc::<u64>::new(&CRC_64_XZ);

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=web");
    println!("cargo:rerun-if-changed=build.rs");
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("web");
    let out = env::var("OUT_DIR")?;
    let mut files: Vec<_> = fs::read_dir(&folder)?.collect::<Result<_, _>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    let mut table = String::from("static FILES: &[File] = &[\n");
    for file in files {
        let name = file.file_name().into_string().map_err(|name| format!("{name:?}"))?;
        let (stem, end) = name.rsplit_once('.').ok_or(format!("web/{name}: of what kind?"))?;
        let kind = match end {
            "html" => "Html",
            "css" => "Style",
            "js" => "Script",
            "svg" => "Picture",
            "txt" => "TextFile",
            _ => return Err(format!("web/{name}: build.rs and Kind do not know .{end}").into()),
        };
        // Pages have no suffix in their path, and the first one no name.
        let path = match (stem, end) {
            ("index", "html") => "",
            (stem, "html") => stem,
            _ => &name,
        };
        let bytes = fs::read(file.path())?;
        let packed = gzip(&bytes)?;
        let packed_at = Path::new(&out).join(format!("{name}.gz"));
        fs::write(&packed_at, &packed)?;
        let form = |at: &Path, bytes: &[u8], end: &str| {
            let tag = format!("\"{:016x}{end}\"", SUM.checksum(bytes));
            format!("Form {{ bytes: include_bytes!({at:?}), tag: {tag:?} }}")
        };
        let plain = form(&file.path(), &bytes, "");
        let gzip = match packed.len() < bytes.len() {
            true => format!("Some({})", form(&packed_at, &packed, "-gzip")),
            false => "None".into(),
        };
        writeln!(
            table,
            "File {{ path: \"/{path}\", kind: Kind::{kind}, plain: {plain}, gzip: {gzip} }},"
        )?;
    }
    table += "];\n";
    fs::write(Path::new(&out).join("files.rs"), table)?;
    Ok(())
}

/// The same bytes for the same file, whenever and wherever it is packed: no name, no time.
fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut packer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    packer.write_all(bytes)?;
    packer.finish()
}
