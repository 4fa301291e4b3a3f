//! Why the program stops: one line for standard error and an exit code.

use std::fmt;

/// A reason to stop. Shown as one line, whatever it was made from.
#[derive(Debug)]
pub struct Failure {
    line: String,
    code: u8,
}

impl Failure {
    /// Bad options or unusable storage: exit code 2.
    pub fn setup(reason: impl fmt::Display) -> Self {
        Self { line: one_line(&reason.to_string()), code: 2 }
    }

    /// Something failed after a good start: exit code 1.
    pub fn running(reason: impl fmt::Display) -> Self {
        Self { line: one_line(&reason.to_string()), code: 1 }
    }

    /// The exit code: 2 before the program was set up, 1 after.
    pub fn code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for Failure {}

/// Scripts read this line: libraries that report over several lines do not get to break it.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_whatever_it_was_made_from() {
        assert_eq!(Failure::setup("first\n   second\n").to_string(), "first second");
        assert_eq!(Failure::setup("x").code(), 2);
        assert_eq!(Failure::running("x").code(), 1);
    }
}
