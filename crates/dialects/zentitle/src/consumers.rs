//! Who uses a product on which computer.

use crate::fields::Fields;
use crate::ids;
use crate::page::{self, Page, Rows, Span};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::table::Asked;
use crate::wire;
use lessor_core::device::{self, ConsumerFilter, ConsumerRecord, ConsumerSource, NewConsumerRecord};
use lessor_core::{Context, Error, Start, Tx};

/// How many records one query reads: each may be 16 KiB long.
const CHUNK: i64 = 500;

/// `POST ConsumerData`: for a trial where no code is named.
pub async fn create(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let made = app.write(&caller, move |tx, cx| {
        let record = NewConsumerRecord {
            product: ids::product(tx, cx, fields.need("productId"))?,
            fingerprint: fields.need("computerId").to_owned(),
            license_code: fields.string("licenseCode").unwrap_or_default(),
            document: fields.json("clientInfo").cloned().unwrap_or_default(),
        };
        device::add_consumer_record(tx, cx, &record).map(|_| ())
    });
    made.await?;
    Ok(Reply::message(says))
}

/// `GET ConsumerData`: how many, or a page.
pub async fn list(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    match Page::or_count(&fields) {
        Page::Part { skip, take } => {
            let span = Span { skip, take, step: CHUNK };
            let prepare = move |tx: &mut dyn Tx, cx: &Context<'_>| {
                Ok(Some((fields.need("productId").to_owned(), filter(tx, cx, &fields)?)))
            };
            page::streamed(app, caller, span, prepare, write).await
        }
        Page::Count | Page::All => {
            let count = app.read(&caller, move |tx, cx| {
                let filter = filter(tx, cx, &fields)?;
                device::count_consumer_records(tx, cx, &filter)
            });
            Ok(Reply::json(&page::count(count.await?)))
        }
    }
}

fn filter(tx: &mut dyn Tx, cx: &Context<'_>, fields: &Fields) -> Result<ConsumerFilter, Error> {
    Ok(ConsumerFilter {
        product: ids::product(tx, cx, fields.need("productId"))?,
        fingerprint: fields.string("computerId"),
        source: match fields.text("type") {
            Some("trials") => Some(ConsumerSource::Trial),
            Some("activations") => Some(ConsumerSource::License),
            _ => None,
        },
        from: fields.when("startDate"),
        until: fields.when("endDate"),
        latest: fields.flag("justLast").unwrap_or(true),
    })
}

fn write(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    (product, filter): &(String, ConsumerFilter),
    start: Start,
    limit: u32,
    rows: &mut Rows,
) -> Result<(), Error> {
    for record in device::consumer_records(tx, cx, filter, start, limit)? {
        rows.push(record.id.0, &view(product, record));
    }
    Ok(())
}

fn view(product: &str, record: ConsumerRecord) -> wire::ConsumerRecord {
    wire::ConsumerRecord {
        product_id: product.to_owned(),
        computer_id: record.fingerprint,
        license_code: record.license_code,
        first_name: record.first_name,
        last_name: record.last_name,
        company: record.company,
        email: record.email,
        client_info: record.document,
        created: record.created_at,
    }
}
