//! Operations: what takes longer than a call.

use crate::input::{Input, Kind};
use crate::problem::{Area, Problem};
use crate::reply::Reply;
use crate::table::{Answer, Asked, Call};
use lessor_core::OperationId;
use lessor_core::operation::{self, State};
use serde_json::json;

static OPERATION: [Input; 1] = [Input::must("operationId", Kind::Guid)];

pub(crate) static CALLS: [Call; 1] =
    [Call::get("Operation", "Operation/{operationId}", Area::Operation, |asked| Box::pin(show(asked)))
        .takes(&OPERATION)
        .gives(Answer::Json(r#"{"operationId":"c6ba1f0e-0000-4777-9999-62dd8966b671","state":2}"#))];

async fn show(asked: Asked) -> Result<Reply, Problem> {
    let id = OperationId(asked.fields.need_guid("operationId")?);
    let operation = asked.app.read(&asked.caller, move |tx, cx| operation::get(tx, cx, id)).await?;
    let state = match operation.state {
        State::Created => 0,
        State::Running => 1,
        State::Done => 2,
        State::Failed => 3,
    };
    Ok(Reply::json(&json!({ "operationId": operation.id.0, "state": state })))
}
