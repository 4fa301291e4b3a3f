//! Billing: what seats and usage cost to whom, and the statements of closed months.
//!
//! A price list says what a day of a seat costs an account and everything below it, for one product or one price category,
//! from a day on. The price of a day is that of the nearest list upwards in the tree as it stood at the end of that day; at
//! one account a list for the product goes before one for a category. One for a meter prices what the meter shows of a
//! month. By a list of a branch one account is billed for all below it, whatever lists there are. Amounts are exact decimals of five places; the one
//! place where something is rounded is the end of a line, and of a sum of money.

mod amount;
mod bill;
mod branch;
mod close;
mod document;
mod line;
mod price;
mod price_list;
pub(crate) mod reading;
pub mod reconcile;
pub(crate) mod rows;
mod statement;

pub use amount::Amount;
pub use close::{Closing, StartClosing, close_some, start_closing};
pub use price_list::{
    Billed, EndPriceList, NewPriceList, PriceList, Target, Tier, create_price_list, end_price_list, meter_to_price,
    price_list, price_lists,
};
pub use reading::{
    LineKind, NamedStatement, Said, SaidAdjustment, SaidLine, SaidTotal, StatementLine, named_statement, said_of_month,
    statement_lines, statements_of_branch,
};
pub(crate) use statement::verify_chains;
pub use statement::{Statement, Verdict, preview, statement, statements, verify};
