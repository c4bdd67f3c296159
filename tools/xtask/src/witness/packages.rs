//! Debian's packages for arm64, without touching this machine's package management.
//!
//! apt is given folders of our own for lists, cache and status, and one line of sources; so it
//! neither needs root nor learns that there is another architecture. `dpkg-deb -x` unpacks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Who;
use crate::error::{Context, Error, Result};
use crate::{install, workspace};

/// Debian 12 is what the witnesses were first heard from.
const SOURCE: &str = "http://deb.debian.org/debian bookworm main";
/// Whose signatures are believed; from the package debian-archive-keyring.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// The package that depends on the current kernel.
const KERNEL: &str = "linux-image-arm64";
/// The others.
const OTHERS: [&str; 2] = ["busybox-static", "u-boot-rpi"];
/// Written last: what the unpacked tree consists of.
const STAMP: &str = "packages.txt";

/// What was unpacked.
#[derive(Clone, Debug)]
pub struct Packages {
    tree: PathBuf,
    /// The names of the package files, which contain the versions.
    files: Vec<String>,
}

impl Packages {
    /// Downloads and unpacks, unless that was done before.
    pub fn fetch(folder: &Path) -> Result<Self> {
        let tree = folder.join("tree");
        let stamp = tree.join(STAMP);
        if let Ok(text) = fs::read_to_string(&stamp) {
            return Ok(Self { tree, files: text.lines().map(Into::into).collect() });
        }
        need()?;
        println!("downloading Debian's kernel, busybox and U-Boot for arm64, about 60 MB");
        let apt = Apt::new(&folder.join("apt"))?;
        let mut update = apt.command("apt-get");
        workspace::output(update.args(["-qq", "update"]), "ask Debian for its packages")?;
        let mut names = vec![apt.kernel()?];
        names.extend(OTHERS.map(Into::into));
        let store = folder.join("packages");
        empty(&store)?;
        empty(&tree)?;
        let mut download = apt.command("apt-get");
        download.args(["-qq", "download"]).args(&names).current_dir(&store);
        workspace::output(&mut download, "download Debian's packages")?;
        let mut files = Vec::new();
        for entry in fs::read_dir(&store).context(|| format!("read {}", store.display()))? {
            let file = entry.context(|| format!("read {}", store.display()))?.path();
            let mut unpack = Command::new("dpkg-deb");
            workspace::run(unpack.arg("-x").arg(&file).arg(&tree), "unpack a package")?;
            files.push(file.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
        files.sort();
        fs::write(&stamp, files.join("\n")).context(|| format!("write {}", stamp.display()))?;
        Ok(Self { tree, files })
    }

    /// Which package a witness came from.
    pub fn version(&self, who: Who) -> &str {
        let start = match who {
            Who::Linux => "linux-image",
            Who::Uboot => "u-boot-rpi",
        };
        let file = self.files.iter().find(|file| file.starts_with(start));
        file.map_or("", |file| file.trim_end_matches("_arm64.deb"))
    }

    /// The kernel, `boot/vmlinuz-VERSION`.
    pub fn kernel(&self) -> Result<PathBuf> {
        let boot = self.tree.join("boot");
        let files = fs::read_dir(&boot).context(|| format!("read {}", boot.display()))?;
        let mut files = files.flatten().map(|file| file.path());
        let is_kernel = |file: &PathBuf| {
            file.to_string_lossy().contains(&*boot.join("vmlinuz").to_string_lossy())
        };
        files.find(is_kernel).ok_or_else(|| Error::new("Debian's package contains no kernel"))
    }

    /// A file of this name, wherever it is in the tree.
    pub fn find(&self, name: &str) -> Result<PathBuf> {
        /// A package of the kernel has some 4,000 files, in 1,000 folders.
        const FOLDERS_MAX: usize = 20_000;
        let mut open = vec![self.tree.clone()];
        for _ in 0..FOLDERS_MAX {
            let Some(folder) = open.pop() else { break };
            let entries =
                fs::read_dir(&folder).context(|| format!("read {}", folder.display()))?.flatten();
            for entry in entries {
                // A link may lead round in a circle; none is followed.
                let kind = entry.file_type().context(|| format!("read {}", folder.display()))?;
                if kind.is_dir() {
                    open.push(entry.path());
                } else if entry.file_name() == name {
                    return Ok(entry.path());
                }
            }
        }
        Err(Error::new(format!("Debian's packages contain no {name}")))
    }

    /// A file of this path in the tree.
    pub fn path(&self, path: &str) -> PathBuf {
        self.tree.join(path)
    }
}

/// An apt of our own.
struct Apt {
    options: Vec<String>,
}

impl Apt {
    fn new(folder: &Path) -> Result<Self> {
        for needed in ["state/lists/partial", "cache/archives/partial"] {
            let path = folder.join(needed);
            fs::create_dir_all(&path).context(|| format!("make {}", path.display()))?;
        }
        let (status, list) = (folder.join("status"), folder.join("sources.list"));
        for (path, text) in
            [(&status, String::new()), (&list, format!("deb [signed-by={KEYRING}] {SOURCE}\n"))]
        {
            fs::write(path, text).context(|| format!("write {}", path.display()))?;
        }
        let at = |name: &str| folder.join(name).display().to_string();
        let settings = [
            ("APT::Architecture", "arm64".into()),
            ("APT::Architectures", "arm64".into()),
            // Or root's apt would download as a user that may not write here.
            ("APT::Sandbox::User", String::new()),
            ("Dir::State", at("state")),
            ("Dir::State::status", at("status")),
            ("Dir::Cache", at("cache")),
            ("Dir::Etc::sourcelist", at("sources.list")),
            ("Dir::Etc::sourceparts", "-".into()),
        ];
        let options =
            settings.into_iter().flat_map(|(name, value)| ["-o".into(), format!("{name}={value}")]);
        Ok(Self { options: options.collect() })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(&self.options);
        command
    }

    /// The package of the kernel itself.
    fn kernel(&self) -> Result<String> {
        let mut depends = self.command("apt-cache");
        let text = workspace::output(depends.args(["depends", KERNEL]), "ask for the kernel")?;
        kernel_of(&String::from_utf8_lossy(&text))
            .ok_or_else(|| Error::new(format!("Debian's {KERNEL} names no kernel")))
    }
}

/// The kernel among the lines of `apt-cache depends`.
fn kernel_of(depends: &str) -> Option<String> {
    let mut names = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    names.find(|name| name.starts_with("linux-image-")).map(Into::into)
}

fn need() -> Result<()> {
    for program in ["apt-get", "dpkg-deb"] {
        if install::find(program).is_none() {
            let text = "is missing; the witnesses are Debian's packages, and need Debian or Ubuntu";
            return Err(Error::new(format!("{program} {text}")));
        }
    }
    match Path::new(KEYRING).exists() {
        true => Ok(()),
        false => {
            let typed = "sudo apt-get install debian-archive-keyring";
            Err(Error::new(format!("{KEYRING} is missing: {typed}")))
        }
    }
}

fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).context(|| format!("empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).context(|| format!("make {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_the_one_depended_on() {
        let text = "linux-image-arm64\n  Depends: linux-image-6.1.0-50-arm64\n  Suggests: x\n";
        assert_eq!(kernel_of(text).as_deref(), Some("linux-image-6.1.0-50-arm64"));
        assert_eq!(kernel_of("linux-image-arm64\n"), None);
    }
}
