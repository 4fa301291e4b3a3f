//! Groups and their users as answers show them: members in the order, with the names and of the JSON types of the documents.

use crate::ids;
use lessor_core::alias::{self, Space};
use lessor_core::group::{EndUser, GroupKind, GroupLicense, GroupView};
use lessor_core::{Context, Error, Timestamp, Tx};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use uuid::Uuid;

/// A group.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Group {
    group_id: i64,
    /// `Master` or `Standard`.
    r#type: &'static str,
    /// 0 for a group below none.
    master_group_id: i64,
    group_name: String,
    description: String,
    created: Timestamp,
    modified: Timestamp,
    /// 0 for a group of no company.
    company_id: i64,
    group_licenses: Vec<GroupLicenseCode>,
    group_users: Vec<GroupUser>,
    sub_groups: Vec<SubGroup>,
}

/// A code of a group.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupLicenseCode {
    pub(super) group_id: i64,
    pub(super) product_id: String,
    pub(super) license_code: String,
    pub(super) created: Timestamp,
}

/// A user of a group.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupUser {
    group_user_id: i64,
    group_id: i64,
    user_name: String,
    first_name: String,
    last_name: String,
    email: String,
    telephone: String,
    /// A text that holds JSON; empty when none was ever given.
    additional_data: String,
    created: Timestamp,
    modified: Timestamp,
}

/// A group below another.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SubGroup {
    group_id: i64,
    group_name: String,
}

impl GroupUser {
    pub(super) fn of(user: EndUser, group_user_id: i64, group_id: i64) -> Self {
        Self {
            group_user_id,
            group_id,
            user_name: user.user_name,
            first_name: user.first_name,
            last_name: user.last_name,
            email: user.email,
            telephone: user.telephone,
            additional_data: user.document.as_ref().map(ToString::to_string).unwrap_or_default(),
            created: user.created_at,
            modified: user.modified_at,
        }
    }
}

/// The numbers of all that some groups name.
struct Numbers {
    groups: HashMap<Uuid, i64>,
    users: HashMap<Uuid, i64>,
    companies: HashMap<Uuid, i64>,
    products: HashMap<Uuid, Arc<str>>,
}

impl Numbers {
    fn of(tx: &mut dyn Tx, cx: &Context<'_>, views: &[GroupView]) -> Result<Self, Error> {
        let users = views.iter().flat_map(|view| &view.end_users).map(|user| user.id.0);
        let products = views.iter().flat_map(|view| &view.licenses).map(|license| license.product.0);
        // The vendor itself is no company.
        let owned = views.iter().filter(|view| view.group.account != view.group.tenant);
        let groups = views.iter().flat_map(|view| {
            let around = view.group.master.into_iter().chain(view.below.iter().map(|(id, _)| *id));
            around.chain([view.group.id]).map(|id| id.0)
        });
        Ok(Self {
            groups: numbers(tx, cx, ids::GROUP, groups)?,
            users: numbers(tx, cx, ids::GROUP_USER, users)?,
            companies: numbers(tx, cx, ids::COMPANY, owned.map(|view| view.group.account.0))?,
            products: alias::names_of(tx, cx, ids::PRODUCT, &distinct(products))?,
        })
    }
}

fn numbers(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    space: Space,
    records: impl Iterator<Item = Uuid>,
) -> Result<HashMap<Uuid, i64>, Error> {
    Ok(ids::numbers(tx, cx, space, &distinct(records))?.collect())
}

fn distinct(records: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    records.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Groups as answers show them.
pub(super) fn groups(tx: &mut dyn Tx, cx: &Context<'_>, views: Vec<GroupView>) -> Result<Vec<Group>, Error> {
    let numbers = Numbers::of(tx, cx, &views)?;
    Ok(views.into_iter().map(|view| group(view, &numbers)).collect())
}

fn group(view: GroupView, numbers: &Numbers) -> Group {
    let number = |known: &HashMap<Uuid, i64>, id: Uuid| known.get(&id).copied().unwrap_or(0);
    let GroupView { group, licenses, end_users, below } = view;
    let group_id = number(&numbers.groups, group.id.0);
    let license = |license: GroupLicense| GroupLicenseCode {
        group_id,
        product_id: numbers.products.get(&license.product.0).map(ToString::to_string).unwrap_or_default(),
        license_code: license.code,
        created: license.added_at,
    };
    let user = |user: EndUser| {
        let user_id = number(&numbers.users, user.id.0);
        GroupUser::of(user, user_id, group_id)
    };
    Group {
        group_id,
        r#type: match group.kind {
            GroupKind::Master => "Master",
            GroupKind::Standard => "Standard",
        },
        master_group_id: group.master.map_or(0, |id| number(&numbers.groups, id.0)),
        group_name: group.name,
        description: group.description,
        created: group.created_at,
        modified: group.modified_at,
        company_id: number(&numbers.companies, group.account.0),
        group_licenses: licenses.into_iter().map(license).collect(),
        group_users: end_users.into_iter().map(user).collect(),
        sub_groups: below
            .into_iter()
            .map(|(id, group_name)| SubGroup { group_id: number(&numbers.groups, id.0), group_name })
            .collect(),
    }
}
