//! Billing: what a seat day costs to whom, and the statements of closed months.
//!
//! A price list says what a day of a seat costs an account and everything below it, for one product or one price category,
//! from a day on. The price of a day is that of the nearest list upwards in the tree as it stood at the end of that day; at
//! one account a list for the product goes before one for a category. Amounts are exact decimals of five places; the one
//! place where something is rounded is the end of a line, and of a sum of money.

mod amount;
mod close;
mod price;
mod price_list;
pub(crate) mod rows;
mod statement;

pub use amount::Amount;
pub use close::{Closing, StartClosing, close_some, start_closing};
pub use price_list::{
    EndPriceList, NewPriceList, PriceList, Target, Tier, create_price_list, end_price_list, price_list, price_lists,
};
pub(crate) use statement::verify_chains;
pub use statement::{Statement, Verdict, preview, statement, statements, verify};
