//! The dialect's enumerations: numbers in answers, numbers or names in requests.

use lessor_core::account::Kind;
use lessor_core::identity::Level;

/// One value of an enumeration.
#[derive(Debug)]
pub struct Word {
    /// Its number.
    pub code: i64,
    /// Its name.
    pub name: &'static str,
    /// Another name that requests may use.
    pub also: &'static str,
}

const fn word(code: i64, name: &'static str) -> Word {
    Word { code, name, also: "" }
}

impl Word {
    /// Is this what a request calls it? Case and blanks do not matter.
    pub fn is_named(&self, text: &str) -> bool {
        let plain = |text: &str| text.replace(' ', "").to_lowercase();
        let text = plain(text);
        !text.is_empty() && (plain(self.name) == text || plain(self.also) == text)
    }
}

/// What a search for companies takes besides the types themselves: all of them.
pub const ANY: i64 = 1000;

/// The types of companies.
pub static ENTITY_TYPES: [Word; 7] = [
    Word { also: "ESET HQ", ..word(1001, "HQ") },
    word(1002, "Distributor"),
    word(1003, "Division"),
    Word { also: "Manager", ..word(1004, "MSP Manager") },
    word(1005, "MSP"),
    word(1006, "Managed MSP"),
    Word { also: "MSP Customer", ..word(1007, "Customer") },
];

/// What may be asked for where companies are listed by type.
pub static ENTITY_TYPES_ASKED: [Word; 8] = [
    word(ANY, "Any"),
    Word { also: "ESET HQ", ..word(1001, "HQ") },
    word(1002, "Distributor"),
    word(1003, "Division"),
    Word { also: "Manager", ..word(1004, "MSP Manager") },
    word(1005, "MSP"),
    word(1006, "Managed MSP"),
    Word { also: "MSP Customer", ..word(1007, "Customer") },
];

/// What a user may do to a company.
pub static PERMISSIONS: [Word; 3] = [word(1, "Write"), word(2, "Read"), word(3, "NoAccess")];

/// What a user may be given on single companies.
pub static SPECIFIC_PERMISSIONS: [Word; 2] = [word(1, "Write"), word(2, "Read")];

/// The states of users.
pub static USER_STATUSES: [Word; 4] =
    [word(1, "Active"), word(2, "WaitingForActivation"), word(3, "Blocked"), word(4, "Deleted")];

/// The states of companies.
pub static COMPANY_STATUSES: [Word; 4] =
    [word(1, "Active"), word(2, "WaitingForActivation"), word(3, "Suspended"), word(4, "Deleted")];

/// The types of licenses.
pub static LICENSE_TYPES: [Word; 2] = [word(1, "Full"), word(4, "Trial")];

/// The states of licenses.
pub static LICENSE_STATES: [Word; 5] =
    [word(0, "Error"), word(1, "Normal"), word(2, "Obsolete"), word(3, "Suspended"), word(4, "Warning")];

/// The states of operations.
pub static OPERATION_STATES: [Word; 4] =
    [word(0, "Created"), word(1, "InProgress"), word(2, "Succeeded"), word(3, "Failed")];

/// The number of a kind of account.
pub fn entity_type(kind: Kind) -> i64 {
    match kind {
        Kind::Vendor => 1001,
        Kind::Distributor => 1002,
        Kind::Division => 1003,
        Kind::PartnerManager => 1004,
        Kind::Partner => 1005,
        Kind::ManagedPartner => 1006,
        Kind::Customer => 1007,
    }
}

/// The kind of account behind a number.
pub fn kind(entity_type_number: i64) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| entity_type(*kind) == entity_type_number)
}

/// The number of a kind of account where companies are searched, which counts otherwise.
pub fn search_type(kind: Kind) -> i64 {
    match kind {
        Kind::Vendor => 0,
        Kind::Distributor => 1,
        Kind::PartnerManager => 2,
        Kind::Partner => 3,
        Kind::ManagedPartner => 4,
        Kind::Customer => 5,
        Kind::Division => 6,
    }
}

/// The number of a level of permission.
pub fn permission(level: Level) -> i64 {
    match level {
        Level::Write => 1,
        Level::Read => 2,
        Level::None => 3,
    }
}

/// The level behind a number.
pub fn level(permission_number: i64) -> Option<Level> {
    [Level::Write, Level::Read, Level::None].into_iter().find(|level| permission(*level) == permission_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_in_any_case_and_with_or_without_blanks() {
        let named = |text: &str| ENTITY_TYPES_ASKED.iter().find(|word| word.is_named(text)).map(|word| word.code);
        assert_eq!(named("any"), Some(1000));
        assert_eq!(named("MSPManager"), Some(1004));
        assert_eq!(named("managed msp"), Some(1006));
        assert_eq!(named("esethq"), Some(1001));
        assert_eq!(named(""), None);
        assert_eq!(named("MSPs"), None);
    }

    #[test]
    fn every_kind_and_level_has_a_number_of_its_own() {
        for known in Kind::ALL {
            assert_eq!(kind(entity_type(known)), Some(known));
            assert!(ENTITY_TYPES.iter().any(|word| word.code == entity_type(known)));
        }
        let small: std::collections::BTreeSet<i64> = Kind::ALL.into_iter().map(search_type).collect();
        assert_eq!(small, (0..7).collect());
        assert_eq!(level(1), Some(Level::Write));
        assert_eq!(level(4), None);
    }
}
