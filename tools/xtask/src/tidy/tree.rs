//! What the rules look at: the files of the repository and the packages of the workspace.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::source;
use crate::error::{Context, Error, Result};
use crate::{image, workspace};

/// A text file.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path from the root of the repository, with slashes.
    pub path: String,
    /// All of it.
    pub text: String,
    /// Rust only: without comments and the contents of strings.
    pub code: String,
    /// Rust only: the same without what is compiled for tests alone.
    pub shipped: String,
}

impl File {
    /// A file with this text.
    pub fn new(path: &str, text: &str) -> Self {
        let rust = path.ends_with(".rs");
        let code = if rust { source::code_only(text) } else { String::new() };
        let shipped = if is_for_tests(path) { String::new() } else { source::without_tests(&code) };
        Self { path: path.into(), text: text.into(), code, shipped }
    }

    /// Is this Rust?
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Is it in this folder, or this very file?
    pub fn is_in(&self, place: &str) -> bool {
        is_in(&self.path, place)
    }
}

/// Is `path` this file, or in this folder?
pub fn is_in(path: &str, place: &str) -> bool {
    let place = place.trim_end_matches('/');
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Is this compiled for tests, or for this machine alone, by where it is?
fn is_for_tests(path: &str) -> bool {
    let folders = ["tests/", "benches/", "examples/", "fuzz/"];
    let in_folder = folders
        .iter()
        .any(|folder| path.starts_with(folder) || path.contains(&format!("/{folder}")));
    let ends = ["/tests.rs", "_tests.rs", "/build.rs"];
    in_folder || ends.iter().any(|end| path.ends_with(end))
}

/// Where the files of the modules are that `path` declares.
fn module_folder(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name.strip_suffix(".rs").unwrap_or(name) {
        "lib" | "main" | "mod" => folder.into(),
        module => format!("{folder}/{module}"),
    }
}

/// A package of the workspace.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its folder, from the root of the repository.
    pub folder: String,
    /// The files in which its crates begin.
    pub roots: Vec<String>,
    /// Those of its dependencies that are in the repository.
    pub dependencies: Vec<Dependency>,
}

/// A dependency on a package of the repository.
#[derive(Clone, Debug)]
pub struct Dependency {
    /// Its folder.
    pub folder: String,
    /// For tests only.
    pub dev: bool,
}

/// The repository.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Its text files.
    pub files: Vec<File>,
    /// Every path in it, folders too.
    pub paths: BTreeSet<String>,
    /// The packages.
    pub packages: Vec<Package>,
    /// Size of the last image that was built, in bytes.
    pub image_bytes: Option<usize>,
}

impl Tree {
    /// A tree of these files.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            tree.add_path(path);
            tree.files.push(File::new(path, text));
        }
        tree.forget_test_modules();
        tree
    }

    /// The repository as it lies here, with what git does not know yet, without what it ignores.
    ///
    /// # Errors
    /// If git or cargo cannot be asked.
    pub fn load() -> Result<Self> {
        let mut tree = Self { packages: packages()?, ..Self::default() };
        for path in listed()? {
            let Ok(bytes) = fs::read(workspace::root().join(&path)) else { continue };
            tree.add_path(&path);
            if let Ok(text) = String::from_utf8(bytes) {
                tree.files.push(File::new(&path, &text));
            }
        }
        tree.forget_test_modules();
        let image = fs::metadata(image::kernel_path());
        tree.image_bytes = image.ok().and_then(|data| usize::try_from(data.len()).ok());
        Ok(tree)
    }

    /// The Rust files.
    pub fn rust(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_rust())
    }

    /// The file of this path.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// What a module declares as `#[cfg(test)] mod name;` is not shipped, wherever its file is.
    fn forget_test_modules(&mut self) {
        let mut modules = BTreeSet::new();
        for file in self.rust() {
            let folder = module_folder(&file.path);
            modules.extend(source::test_modules(&file.code).map(|name| format!("{folder}/{name}")));
        }
        for file in &mut self.files {
            let own = file.path.trim_end_matches(".rs");
            if modules.iter().any(|module| is_in(own, module)) {
                file.shipped.clear();
            }
        }
    }

    fn add_path(&mut self, path: &str) {
        let path = Path::new(path);
        self.paths.extend(path.ancestors().map(|part| part.display().to_string()));
    }
}

/// The files of the repository. `safe.directory`, because in a container the owner is often another
/// user.
fn listed() -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.args(["-c", "safe.directory=*", "ls-files", "-z"]);
    git.args(["--cached", "--others", "--exclude-standard"]).current_dir(workspace::root());
    let output = workspace::output(&mut git, "list the files of the repository")?;
    let text = String::from_utf8(output).context(|| "read the names of the files".into())?;
    Ok(text.split('\0').filter(|path| !path.is_empty()).map(Into::into).collect())
}

fn packages() -> Result<Vec<Package>> {
    let mut cargo = workspace::cargo();
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
    let output = workspace::output(&mut cargo, "ask cargo for the packages")?;
    let metadata: Value =
        serde_json::from_slice(&output).context(|| "read what cargo says".into())?;
    list(&metadata["packages"]).iter().map(package).collect()
}

fn package(json: &Value) -> Result<Package> {
    let strange = || Error::new("cargo metadata: a package without a path");
    let manifest = Path::new(json["manifest_path"].as_str().ok_or_else(strange)?);
    let folder = manifest.parent().map(workspace::shown).ok_or_else(strange)?;
    let own = list(&json["targets"]).iter().filter(|target| {
        let kinds = list(&target["kind"]).iter().filter_map(Value::as_str);
        kinds.into_iter().any(|kind| ["lib", "bin", "proc-macro"].contains(&kind))
    });
    let roots = own.filter_map(|target| target["src_path"].as_str());
    let roots = roots.map(|path| workspace::shown(Path::new(path))).collect();
    let dependencies = list(&json["dependencies"]).iter().filter_map(|dependency| {
        let folder = workspace::shown(Path::new(dependency["path"].as_str()?));
        Some(Dependency { folder, dev: dependency["kind"] == "dev" })
    });
    let dependencies = dependencies.collect();
    Ok(Package { folder, roots, dependencies })
}

fn list(json: &Value) -> &[Value] {
    json.as_array().map(Vec::as_slice).unwrap_or_default()
}
