//! A small disk of one's own whose power can be cut: ext4 in a file, mounted by a loop device.

use crate::ground::Ground;
use crate::report::Stop;
use anyhow::{Context as _, ensure};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Bytes of the disk; the file is sparse.
const BYTES: u64 = 512 << 20;
/// How long a dying server may hold the disk busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// The disk, mounted. It goes away with the value.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    /// Where it is mounted.
    pub point: PathBuf,
    cutter: PathBuf,
    sudo: bool,
}

impl Disk {
    /// Makes and mounts one, as root or by way of `sudo` that asks nobody. Elsewhere there is nothing to cut.
    pub fn make(ground: &mut Ground) -> Result<Self, Stop> {
        let sudo = !rustix::process::geteuid().is_root();
        if sudo && !works(Command::new("sudo").args(["-n", "true"])) {
            return Err(Stop::Skip(
                "it takes root, or sudo that asks nobody, to mount a disk and cut its power".into(),
            ));
        }
        let cutter = ground.compile("power-cut", include_str!("c/power_cut.c"), false)?;
        let (image, point) = (ground.place("disk"), ground.place("mounted"));
        File::create(&image)?.set_len(BYTES)?;
        std::fs::create_dir(&point)?;
        let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image).env("PATH", path()).output();
        match made {
            Ok(output) if output.status.success() => {}
            Ok(output) => {
                let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                return Err(Stop::Broken(anyhow::anyhow!("mkfs.ext4: {words}")));
            }
            Err(_) => return Err(Stop::Skip("there is no mkfs.ext4 (package e2fsprogs)".into())),
        }
        let disk = Self { image, point, cutter, sudo };
        if let Err(error) = disk.mount() {
            return Err(Stop::Skip(format!("no disk can be mounted here: {error:#}")));
        }
        // PostgreSQL, which does not run as root, makes its folder here too.
        disk.run("chmod", &["777".as_ref(), disk.point.as_os_str()])?;
        if sudo {
            let owner = std::env::var("USER").context("USER")?;
            disk.run("chown", &[owner.as_ref(), disk.point.as_os_str()])?;
        }
        Ok(disk)
    }

    /// Writes everything out: what is there now stays.
    pub fn sync(&self) -> anyhow::Result<()> {
        self.run("sync", &["-f".as_ref(), self.point.as_os_str()])
    }

    /// Cuts the power: what the disk was not told to keep is gone, and nothing more comes to it.
    pub fn cut(&self) -> anyhow::Result<()> {
        let cutter = self.cutter.to_str().context("a path")?.to_owned();
        self.run(&cutter, &[self.point.as_os_str()])
    }

    /// The disk after the power came back. Nobody may have a file open on it.
    pub fn power_up(&self) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        while let Err(error) = self.run("umount", &[self.point.as_os_str()]) {
            ensure!(Instant::now() < until, error);
            std::thread::sleep(Duration::from_millis(20));
        }
        self.mount()
    }

    fn mount(&self) -> anyhow::Result<()> {
        self.run("mount", &["-o".as_ref(), "loop".as_ref(), self.image.as_os_str(), self.point.as_os_str()])
    }

    fn run(&self, program: &str, args: &[&std::ffi::OsStr]) -> anyhow::Result<()> {
        let mut command = Command::new(if self.sudo { "sudo" } else { program });
        if self.sudo {
            command.args(["-n", program]);
        }
        let output = command.args(args).env("PATH", path()).output().with_context(|| program.to_owned())?;
        ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, so that it goes even while somebody still dies on it.
        let _ = self.run("umount", &["-l".as_ref(), self.point.as_os_str()]);
        let _ = std::fs::remove_file(&self.image);
    }
}

fn works(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Programs that look after disks are not on everybody's path.
fn path() -> std::ffi::OsString {
    let own = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin"].map(|place| Path::new(place).to_owned());
    std::env::join_paths(std::env::split_paths(&own).chain(more)).unwrap_or(own)
}
