-- The role of a user: user.role, else the first of user.roles (which may be an array or one string), else anonymous.
create macro role_of(role, roles) as
    coalesce(
        nullif(role, ''),
        case
            when roles like '[%' then nullif(json_extract_string(roles, '$[0]'), '')
            when roles is not null then nullif(json_extract_string(roles, '$'), '')
        end,
        'anonymous'
    );
