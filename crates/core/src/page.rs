//! Where a page of a list starts.

use lessor_db::Value;
use uuid::Uuid;

/// Where a page of a list starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Behind so many items: for APIs that number their pages.
    At(i64),
    /// Behind this item: whatever is added or removed meanwhile, walking the pages skips and repeats nothing.
    After(Uuid),
}

impl Start {
    /// The first page.
    pub const FIRST: Start = Start::At(0);

    /// The parameters of `id > $n … LIMIT $n OFFSET $n`.
    pub(crate) fn params(self, limit: u32) -> [Value; 3] {
        match self {
            Start::At(offset) => [Uuid::nil().into(), limit.into(), offset.into()],
            Start::After(id) => [id.into(), limit.into(), Value::Int(0)],
        }
    }
}
