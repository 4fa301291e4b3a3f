//! Every statement is understood by both engines, and every table is known to backups.

use lessor_core::schema::{self, TABLES};
use lessor_db::{Statement, StoreError, Tx, Value, statements};
use lessor_testkit::{Bench, Engine, on_both_engines};

statements! {
    SQLITE_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    POSTGRES_TABLES = "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = 'public'";
}

/// More parameters than any statement takes: the engine prepares the statement, then refuses their number.
const TOO_MANY: usize = 10_000;

fn prepare(tx: &mut dyn Tx, statement: Statement) -> Result<(), String> {
    let outcome = tx.execute(statement, &vec![Value::Null; TOO_MANY]);
    match outcome {
        Err(StoreError::Statement { message, .. }) if message == wrong_number(statement) => Ok(()),
        other => Err(format!("{}: {other:?}", statement.name)),
    }
}

/// How many parameters a statement takes.
fn parameters(statement: Statement) -> usize {
    let numbers = statement.sql.split('$').skip(1).filter_map(|text| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse().ok()
    });
    numbers.max().unwrap_or(0)
}

/// What either engine says of a statement that it understood and that got too many parameters.
fn wrong_number(statement: Statement) -> String {
    format!("takes {} parameters, got {TOO_MANY}", parameters(statement))
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

/// Statements that read all activations, because they are about all of them.
const OF_ALL_ACTIVATIONS: [&str; 2] = ["LAST_LEASE", "LOOKS"];

/// Would SQLite read all activations to run a statement?
async fn reads_all(app: &lessor_core::App, statement: Statement) -> bool {
    let sql: &'static str = format!("EXPLAIN QUERY PLAN {}", statement.sql).leak();
    let explain = Statement { name: statement.name, sql };
    let params = vec![Value::Null; parameters(statement)];
    let steps: Result<Vec<(i64, i64, i64, String)>, StoreError> =
        app.store().write(move |tx| tx.all(explain, &params)).await;
    steps.expect("a plan").iter().any(|(_, _, _, step)| {
        let table = step.split(' ').nth(1);
        // What is looked for stands in brackets.
        matches!(table, Some("activations" | "a")) && !step.contains('(')
    })
}

#[test]
fn no_statement_looks_through_all_activations_for_some_of_them() {
    let bench = Bench::open(Engine::Sqlite);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut looked = 0;
        for statement in schema::statements().filter(|statement| statement.sql.contains(" activations")) {
            let all = reads_all(&bench.app, statement).await;
            assert_eq!(all, OF_ALL_ACTIVATIONS.contains(&statement.name), "{}", statement.name);
            looked += 1;
        }
        assert!(looked > 30, "{looked}");
    });
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
            Engine::Sqlite => SQLITE_TABLES,
            Engine::Postgres => POSTGRES_TABLES,
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
