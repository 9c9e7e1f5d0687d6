"""The words that colleges use to name things, by which `edumetrics map` knows a table or a column.

The words are English, Spanish, Hindi in Latin letters, and a few German and French ones. Names are
compared in lower case, without accents, prefixes and plural endings; an underscore joins the words
of one name. `CODES` are the values that colleges write in columns of a few fixed words.
"""

from __future__ import annotations

# Order matters in this file: of two words that fit, `matching` gives an earlier one a better score.
# The names of real platforms are among the words: Moodle ("assign_submission"), Koha ("issue"),
# the Open University's OULAD ("student_vle").
TABLES = {
    "classes": (
        "class section cohort batch group klass division programme_group grupo clase curso_grupo "
        "seccion varg kaksha gruppe"
    ),
    "advisors": (
        "advisor mentor tutor counsellor counselor proctor guide adviser class_teacher asesor "
        "consejero margdarshak salahkar"
    ),
    "students": (
        "student pupil learner student_master student_info candidate user roster alumno estudiante "
        "matricula_alumno vidyarthi chhatra schueler etudiant"
    ),
    "subjects": "subject course paper module subject_master materia asignatura curso vishay fach",
    "class_subjects": (
        "class_subject timetable course_allocation class_course offering enrol materia_grupo "
        "materia_del_grupo oferta"
    ),
    "class_terms": "class_term class_semester",
    "sim_state": "sim_state week_counter current_week control calendar_state estado",
    "attendance": (
        "attendance register attendance_log attendance_record presence asistencia "
        "registro_asistencia upasthiti hajiri anwesenheit"
    ),
    "assignment_definitions": (
        "assignment_definition assignment assign homework task assessment tarea trabajo grih_karya "
        "aufgabe"
    ),
    "assignment_submissions": (
        "assignment_submission submission assign_submission homework_submission entrega envio "
        "student_assessment internal_mark"
    ),
    "quiz_definitions": (
        "quiz_definition quiz test class_test prueba cuestionario examen_rapido prashnottari"
    ),
    "quiz_submissions": (
        "quiz_submission quiz_attempt attempt test_result quiz_result intento respuesta"
    ),
    "library_visits": (
        "library_visit library_entry library_log gate_entry gate visita_biblioteca pustakalay "
        "library"
    ),
    "book_borrows": (
        "book_borrow loan issue circulation borrowing library_loan book_issue prestamo udhar"
    ),
    "exam_schedule": (
        "exam_schedule exam examination exam_paper grade_item examen calendario_examen pariksha "
        "pruefung"
    ),
    "exam_results": (
        "exam_result result mark grade grade_grade exam_mark calificacion nota resultado parinam "
        "ergebnis"
    ),
    "enrolments": (
        "enrolment enrollment registration student_course student_subject inscripcion "
        "matriculacion namankan"
    ),
    "excuses": (
        "excuse leave medical_leave absence_excuse justificacion justificante permiso avkash"
    ),
    "lms_activity": (
        "lms_activity activity vle student_vle log logstore weekly_activity actividad_plataforma "
        "actividad"
    ),
}

# A column that several relations share stands under "", so that its words are written once.
# A word that means a column only in one relation ("id", "code") stands under that relation.
COLUMNS = {
    "": {
        "id": "id row_id record_id no sr_no",
        "student_id": (
            "student_id studentid student student_code user_id userid roll_no roll_number "
            "enrolment_no registration_no matricula id_alumno alumno estudiante vidyarthi "
            "vidyarthi_id anukramank"
        ),
        "class_id": (
            "class_id classid class class_code section_id section cohort_id cohort group_id "
            "batch_id clave_grupo grupo id_grupo clase varg varg_id kaksha"
        ),
        "subject_id": (
            "subject_id subjectid subject subject_code course_id course course_code courseid "
            "paper_code module_id code clave_materia materia id_materia asignatura vishay vishay_id"
        ),
        "advisor_id": (
            "advisor_id adviser_id mentor_id mentor tutor_id tutor id_tutor proctor_id asesor "
            "margdarshak"
        ),
        "semester": "semester sem semester_no term_no semestre satra",
        "week": "week week_no week_number sem_week teaching_week semana saptah woche",
        "week_date": (
            "week_date week_of week_beginning week_start date lecture_date session_date sessdate "
            "class_date inicio_semana fecha fecha_clase saptah_arambh dinank tarikh"
        ),
        "max_marks": (
            "max_marks maximum_marks out_of total_marks full_marks max_score points grade_max "
            "grademax puntos_maximos puntaje_maximo purnank"
        ),
        "marks_obtained": (
            "marks_obtained marks mark score points_obtained obtained finalgrade "
            "rawgrade puntos calificacion nota prapt_ank ank"
        ),
        "score_pct": "score_pct percentage percent score_percent porcentaje pratishat",
        "title": "title name heading titulo nombre shirshak",
        "weight": "weight weightage peso ponderacion bhar",
        "marked_on": (
            "marked_on graded_on checked_on graded_at marked_date timegraded fecha_calificacion"
        ),
        "name": "name full_name student_name nombre nombre_completo naam",
        "email": "email e_mail mail email_address correo correo_electronico",
        "from": "from from_date start start_date valid_from desde fecha_inicio",
        "to": "to to_date end end_date valid_to hasta fecha_fin",
        "scheduled_week": "scheduled_week week week_no semana",
        "assignment_id": "assignment_id assignment assignment_code assign_id id_tarea tarea",
        "quiz_id": "quiz_id quiz quiz_code test_id id_prueba prueba cuestionario",
        "schedule_id": "schedule_id exam_id exam exam_code paper itemid id_examen examen",
    },
    "classes": {
        "class_id": "id code clave",
        "name": "class_name section_name title",
        "odd_sem": "odd_sem odd_semester semestre_non",
        "even_sem": "even_sem even_semester semestre_par",
        "year_of_study": "year_of_study year grado ano",
        "branch": "branch department stream carrera shakha",
        "section": "section division seccion",
        "batch_start_year": "batch_start_year batch generacion admission_year",
        "total_students": "total_students strength size",
    },
    "advisors": {
        "advisor_id": "id code id_tutor teacher_id staff_id employee_id",
        "class_id": "class_advised",
    },
    "students": {
        "student_id": "id code",
        "roll_number": "roll_number roll_no roll numero_de_lista anukramank id_number idnumber",
        "gender": "gender sex sexo ling",
        "parent_email": "parent_email guardian_email correo_padre",
        "joined_on": (
            "joined_on admitted admission_date date_of_joining timecreated fecha_ingreso "
            "pravesh_tithi"
        ),
        "withdrawn_on": "withdrawn_on left leaving_date date_of_leaving withdrawal_date fecha_baja",
        "prior_attempts": "prior_attempts previous_attempts attempts",
        "credits": "credits studied_credits creditos",
        "entry_score": "entry_score entrance_score admission_score puntaje_ingreso",
        "parent_contact_permitted": "parent_contact_permitted parent_consent",
    },
    "subjects": {
        "subject_id": "id code clave",
        "subject_name": "subject_name name title fullname course_name nombre vishay_naam",
        "credits": "credits credit creditos",
        "difficulty": "difficulty level dificultad",
        "subject_type": "subject_type type tipo",
    },
    "class_subjects": {
        "teacher_name": "teacher_name teacher faculty profesor docente shikshak",
    },
    "class_terms": {"slot": "slot term_name"},
    "sim_state": {
        "current_week": "current_week week semana_actual",
        "sim_year": "sim_year year ano academic_year",
        "last_updated": "last_updated updated_at actualizado",
    },
    "attendance": {
        "lectures_held": (
            "lectures_held held lectures total_lectures classes_held conducted clases "
            "clases_impartidas kul_vyakhyan"
        ),
        "present": (
            "present attended lectures_attended classes_attended status status_id presente "
            "asistencia asistida upasthit"
        ),
    },
    "assignment_definitions": {
        "assignment_id": "id code",
        "assigned_week": "assigned_week set_week semana_asignada",
        "due_week": "due_week week deadline_week semana_entrega",
        "max_marks": "grade",
    },
    "assignment_submissions": {
        "submission_date": (
            "submission_date submitted_on submitted submitted_at date_submitted timemodified "
            "fecha_entrega jama_tithi"
        ),
        "quality_pct": "quality_pct quality rubric calidad",
        "marks_obtained": "grade",
        "plagiarism_pct": (
            "plagiarism_pct plagiarism similarity similarity_score similarityscore similitud plagio"
        ),
        "due_week_override": "due_week_override extension extended_week prorroga",
    },
    "quiz_definitions": {
        "quiz_id": "id code",
        "quiz_date": "quiz_date date test_date timeclose fecha",
        "max_marks": "grade",
    },
    "quiz_submissions": {
        "attempted": "attempted appeared state presentada presentado",
        "attempt_date": "attempt_date attempted_on date timefinish fecha",
    },
    "library_visits": {
        "physical_visits": "physical_visits visits entries count visitas",
    },
    "book_borrows": {
        "borrow_id": "borrow_id loan_id issue_id id id_prestamo",
        "borrow_date": "borrow_date issue_date issued issued_on loan_date issuedate fecha_prestamo",
        "return_date": "return_date returned returned_on returndate fecha_devolucion",
        "borrow_week": "borrow_week week semana",
        "return_week": "return_week semana_devolucion",
    },
    "exam_schedule": {
        "schedule_id": "id code",
        "exam_type": "exam_type type exam kind tipo",
        "exam_date": "exam_date date fecha",
    },
    "exam_results": {
        "pass_fail": "pass_fail result passed status resultado parinam",
        "grade": "grade letter_grade letter",
        "result_date": "result_date declared declared_on published_on fecha_resultado timemodified",
    },
    "enrolments": {},
    "excuses": {},
    "lms_activity": {
        "active_days": "active_days days_active dias_activos",
        "events": "events clicks sum_click hits eventos clics",
    },
}

# Canonical value to the words that colleges write for it, in lower case. `looks.classify_values`
# takes the first group that fits, so the order matters for words that stand in several groups.
CODES: dict[str, dict[str, tuple[str, ...]]] = {
    "exam_type": {
        "midterm": ("midterm", "mid", "mid-term", "mid term", "internal", "parcial", "ardhvarshik"),
        "endterm": ("endterm", "end", "end-term", "end term", "final", "semester end", "varshik"),
    },
    "pass_fail": {
        "P": ("p", "pass", "passed", "aprobado", "uttirn"),
        # A student who withdrew has no pass, so the result counts as a fail.
        "F": ("f", "fail", "failed", "withdrawn", "reprobado", "suspenso", "anuttirn"),
    },
    "difficulty": {
        "Easy": ("easy", "low", "fácil", "facil"),
        "Medium": ("medium", "moderate", "media", "medio"),
        "Hard": ("hard", "difficult", "high", "difícil", "dificil"),
    },
    "attempted": {
        "1": ("1", "true", "t", "yes", "y", "finished", "attempted", "sí", "si", "haan"),
        "0": ("0", "false", "f", "no", "n", "absent", "ab", "abandoned", "nahin"),
    },
    "present": {
        # A student who came late was present.
        "1": ("1", "true", "p", "present", "l", "late", "presente", "retardo", "upasthit"),
        "0": ("0", "false", "a", "absent", "ab", "ausente", "falta", "anupasthit"),
    },
}
