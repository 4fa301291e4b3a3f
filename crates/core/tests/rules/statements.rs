//! Every statement is understood by both engines, and every table is known to backups.

use lessor_core::schema::{self, TABLES};
use lessor_db::{Statement, StoreError, Tx, Value, statements};
use lessor_testkit::on_both_engines;

statements! {
    SQLITE_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    POSTGRES_TABLES = "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = 'public'";
}

/// More parameters than any statement takes: the engine prepares the statement, then refuses their number.
const TOO_MANY: usize = 2_000;

fn prepare(tx: &mut dyn Tx, statement: Statement) -> Result<(), String> {
    let outcome = tx.execute(statement, &vec![Value::Null; TOO_MANY]);
    match outcome {
        Err(StoreError::Statement { message, .. }) if message == wrong_number(statement) => Ok(()),
        other => Err(format!("{}: {other:?}", statement.name)),
    }
}

/// What either engine says of a statement that it understood and that got too many parameters.
fn wrong_number(statement: Statement) -> String {
    let numbers = statement.sql.split('$').skip(1).filter_map(|text| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse::<u32>().ok()
    });
    format!("takes {} parameters, got {TOO_MANY}", numbers.max().unwrap_or(0))
}

async fn complaint(app: &lessor_core::App, statement: Statement) -> Option<String> {
    let outcome: Result<Result<(), String>, StoreError> = app.store().write(move |tx| Ok(prepare(tx, statement))).await;
    // A failed statement undoes the transaction, so that what it said comes back as the engine's error.
    match outcome {
        Ok(outcome) => outcome.err(),
        Err(StoreError::Statement { message, .. }) if message == wrong_number(statement) => None,
        Err(error) => Some(format!("{}: {error}", statement.name)),
    }
}

on_both_engines! {
    every_statement_is_understood(bench) {
        let mut complaints = Vec::new();
        for statement in schema::statements() {
            complaints.extend(complaint(&bench.app, statement).await);
        }
        assert!(schema::statements().count() > 100, "the list of statements is the whole list");
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    }

    a_statement_that_is_not_understood_is_found(bench) {
        for sql in ["SELECT nothing FROM accounts WHERE id = $1", "SELEC 1", "SELECT id FROM nowhere"] {
            assert!(complaint(&bench.app, Statement { name: "PLANTED", sql }).await.is_some(), "{sql}");
        }
    }

    every_table_is_in_the_list_that_backups_walk(bench) {
        let statement = match bench.app.store().engine() {
            lessor_testkit::Engine::Sqlite => SQLITE_TABLES,
            lessor_testkit::Engine::Postgres => POSTGRES_TABLES,
        };
        let found: Vec<(String,)> = bench.read(move |tx, _| Ok(tx.all(statement, &[])?)).await.expect("tables");
        let mut found: Vec<String> = found.into_iter().map(|(name,)| name).collect();
        // The runner of migrations keeps its own table, and writes it anew when a backup is restored.
        found.retain(|name| !name.contains("migration"));
        found.sort();
        let mut listed = TABLES.to_vec();
        listed.sort_unstable();
        assert_eq!(found, listed);
    }
}
