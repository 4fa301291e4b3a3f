-- Who signed in for an activation: with the end user, what it activated is returned.
CREATE TABLE sign_ins (
    activation_id UUID NOT NULL PRIMARY KEY REFERENCES activations (id) ON DELETE CASCADE,
    end_user_id UUID NOT NULL REFERENCES end_users (id)
);
CREATE INDEX sign_ins_end_user ON sign_ins (end_user_id, activation_id);

-- A tenant's groups in the order they were made.
CREATE INDEX user_groups_tenant ON user_groups (tenant_id, id);
