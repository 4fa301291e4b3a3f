//! SQL as registered text, so that a test can prepare every statement on both engines.

/// One SQL statement in the common subset, with `$1…$n` parameters.
///
/// Made by [`statements!`](crate::statements) alone, so that each one is in a list that a test walks.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// The constant's name, for messages and metrics.
    pub name: &'static str,
    /// PostgreSQL text; the SQLite engine translates it once.
    pub sql: &'static str,
}

/// Defines a room's statements and the list `ALL` of them.
///
/// ```
/// lessor_db::statements! {
///     /// One account by its id.
///     BY_ID = "SELECT name FROM accounts WHERE id = $1";
/// }
/// assert_eq!(ALL.len(), 1);
/// ```
#[macro_export]
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* pub const $name: $crate::Statement =
            $crate::Statement { name: stringify!($name), sql: $sql };)*
        /// Every statement of this room.
        pub const ALL: &[$crate::Statement] = &[$($name),*];
    };
}
