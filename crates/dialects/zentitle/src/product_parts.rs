//! What else a product has: its groups of features, and its application agility fields.

use crate::convert;
use crate::fields::Fields;
use crate::problem::Problem;
use crate::products::on_product;
use crate::reply::Reply;
use crate::table::Asked;
use lessor_core::catalog::{self, ChangeGroup, ChangeValue};

/// `POST ProductFeatureGroups`: all of them or none.
pub async fn add_groups(asked: Asked) -> Result<Reply, Problem> {
    let says = asked.says;
    convert::once_each(&asked.fields, "featureGroups", "featureGroupName")?;
    let groups = convert::new_groups(&asked.fields);
    on_product(asked, move |tx, cx, product| catalog::add_feature_groups(tx, cx, product, &groups)).await?;
    Ok(Reply::message(says))
}

/// `PUT ProductFeatureGroups`: what is left out of a group stays.
pub async fn change_groups(asked: Asked) -> Result<Reply, Problem> {
    let says = asked.says;
    convert::once_each(&asked.fields, "featureGroups", "featureGroupName")?;
    let change = |group: &Fields| ChangeGroup {
        name: group.need("featureGroupName").to_owned(),
        new_name: group.string("newFeatureGroupName"),
        notes: group.string("notes"),
    };
    let changes: Vec<_> = asked.fields.list("featureGroups").iter().map(change).collect();
    on_product(asked, move |tx, cx, product| catalog::change_feature_groups(tx, cx, product, &changes)).await?;
    Ok(Reply::message(says))
}

/// `DELETE ProductFeatureGroups`: its features are in the group `Default` then.
pub async fn remove_group(asked: Asked) -> Result<Reply, Problem> {
    let says = asked.says;
    let name = asked.fields.need("featureGroupName").to_owned();
    on_product(asked, move |tx, cx, product| catalog::remove_feature_group(tx, cx, product, &name)).await?;
    Ok(Reply::message(says))
}

/// `POST ProductApplicationAgility`: codes and profiles have the new fields at once, with the product's values.
pub async fn add_agility(asked: Asked) -> Result<Reply, Problem> {
    let says = asked.says;
    convert::once_each(&asked.fields, "applicationAgility", "name")?;
    let values = convert::new_agility(&asked.fields);
    on_product(asked, move |tx, cx, product| catalog::add_values(tx, cx, product, &values)).await?;
    Ok(Reply::message(says))
}

/// `PUT ProductApplicationAgility`: what codes and profiles have set stays.
pub async fn change_agility(asked: Asked) -> Result<Reply, Problem> {
    let says = asked.says;
    convert::once_each(&asked.fields, "applicationAgility", "name")?;
    let change = |field: &Fields| ChangeValue {
        name: field.need("name").to_owned(),
        new_name: field.string("newName"),
        value: field.string("value"),
    };
    let changes: Vec<_> = asked.fields.list("applicationAgility").iter().map(change).collect();
    on_product(asked, move |tx, cx, product| catalog::change_values(tx, cx, product, &changes)).await?;
    Ok(Reply::message(says))
}

/// `DELETE ProductApplicationAgility`: from the product and from all its codes and profiles.
pub async fn remove_agility(asked: Asked) -> Result<Reply, Problem> {
    let says = asked.says;
    let name = asked.fields.need("name").to_owned();
    on_product(asked, move |tx, cx, product| catalog::remove_value(tx, cx, product, &name)).await?;
    Ok(Reply::message(says))
}
