//! The SQL of the texts that programs keep with their license.

use crate::clock::Timestamp;
use crate::device::StoredText;
use crate::id::{FeatureId, LicenseId};
use lessor_db::{FromRow, Row, StoreError, Tx, statements};

statements! {
    TEXT = "SELECT text, version, modified_at FROM stored_texts WHERE license_id = $1 AND feature_id = $2";
    PUT = "INSERT INTO stored_texts (license_id, feature_id, text, version, modified_at) VALUES ($1, $2, $3, $4, $5) \
           ON CONFLICT (license_id, feature_id) DO UPDATE SET text = excluded.text, version = excluded.version, \
           modified_at = excluded.modified_at";
    DELETE_OF_LICENSE = "DELETE FROM stored_texts WHERE license_id = $1";
}

impl FromRow for StoredText {
    fn from_row(row: &dyn Row) -> Result<Self, StoreError> {
        Ok(Self { text: row.get(0)?, version: row.get(1)?, modified_at: row.get(2)? })
    }
}

pub(crate) fn text(tx: &mut dyn Tx, license: LicenseId, feature: FeatureId) -> Result<Option<StoredText>, StoreError> {
    tx.opt(TEXT, &[license.into(), feature.into()])
}

pub(crate) fn put(
    tx: &mut dyn Tx,
    license: LicenseId,
    feature: FeatureId,
    text: &StoredText,
    now: Timestamp,
) -> Result<(), StoreError> {
    let params = [license.into(), feature.into(), text.text.as_str().into(), text.version.into(), now.into()];
    tx.execute(PUT, &params)?;
    Ok(())
}

/// Forgets all texts of a license.
pub(crate) fn delete_of_license(tx: &mut dyn Tx, license: LicenseId) -> Result<(), StoreError> {
    tx.execute(DELETE_OF_LICENSE, &[license.into()])?;
    Ok(())
}
