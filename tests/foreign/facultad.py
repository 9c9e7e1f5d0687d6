"""A faculty whose tables speak Spanish: other names, other codes, a counter of weeks; on SQLite and on MariaDB."""

from __future__ import annotations

import pandas as pd

Frames = dict[str, pd.DataFrame]
COLUMNS = {
    "classes": ("grupos", {"class_id": "clave", "name": "nombre", "year_of_study": "grado", "section": "sección",
                           "branch": "carrera", "odd_sem": "semestre_non", "even_sem": "semestre_par"}),
    "advisors": ("tutores", {"advisor_id": "id_tutor", "name": "nombre", "email": "correo", "class_id": "grupo"}),
    "students": ("alumnos", {"student_id": "matrícula", "class_id": "grupo", "advisor_id": "tutor", "name": "nombre",
                             "roll_number": "número_de_lista", "gender": "sexo", "email": "correo",
                             "joined_on": "fecha_ingreso", "withdrawn_on": "fecha_baja"}),
    "subjects": ("materias", {"subject_id": "clave", "subject_name": "nombre", "semester": "semestre",
                              "credits": "créditos", "difficulty": "dificultad"}),
    "class_subjects": ("materias_del_grupo", {"id": "id", "class_id": "grupo", "subject_id": "materia"}),
    "sim_state": ("control", {"id": "id", "current_week": "semana_actual", "sim_year": "año"}),
    "attendance": ("asistencias", {"id": "id", "student_id": "matrícula", "class_id": "grupo", "subject_id": "materia",
                                   "semester": "semestre", "week": "semana", "week_date": "inicio_semana",
                                   "lectures_held": "clases_impartidas", "present": "asistencias"}),
    "assignment_definitions": ("tareas", {"assignment_id": "id_tarea", "class_id": "grupo", "subject_id": "materia",
                                          "semester": "semestre", "title": "título", "due_week": "semana_entrega",
                                          "max_marks": "puntos_máximos"}),
    "assignment_submissions": ("entregas", {"id": "id", "assignment_id": "tarea", "student_id": "matrícula",
                                            "class_id": "grupo", "submission_date": "fecha_entrega",
                                            "marks_obtained": "puntos", "quality_pct": "calidad",
                                            "plagiarism_pct": "similitud", "marked_on": "fecha_calificación"}),
    "quiz_definitions": ("pruebas", {"quiz_id": "id_prueba", "class_id": "grupo", "subject_id": "materia",
                                     "semester": "semestre", "title": "título", "scheduled_week": "semana",
                                     "max_marks": "puntos_máximos"}),
    "quiz_submissions": ("intentos", {"id": "id", "quiz_id": "prueba", "student_id": "matrícula", "class_id": "grupo",
                                      "attempted": "presentada", "attempt_date": "fecha", "marks_obtained": "puntos",
                                      "marked_on": "fecha_calificación"}),
    "library_visits": ("visitas_biblioteca", {"id": "id", "student_id": "matrícula", "class_id": "grupo",
                                              "semester": "semestre", "week": "semana", "week_date": "inicio_semana",
                                              "physical_visits": "visitas"}),
    "book_borrows": ("préstamos", {"borrow_id": "id_préstamo", "student_id": "matrícula", "class_id": "grupo",
                                   "semester": "semestre", "borrow_date": "fecha_préstamo",
                                   "return_date": "fecha_devolución", "borrow_week": "semana"}),
    "exam_schedule": ("exámenes", {"schedule_id": "id_examen", "class_id": "grupo", "semester": "semestre",
                                   "subject_id": "materia", "exam_type": "tipo", "scheduled_week": "semana",
                                   "exam_date": "fecha", "max_marks": "puntos_máximos"}),
    "exam_results": ("calificaciones", {"id": "id", "schedule_id": "examen", "student_id": "matrícula",
                                        "class_id": "grupo", "marks_obtained": "puntos", "pass_fail": "resultado",
                                        "result_date": "fecha_resultado"}),
}  # fmt: skip
CODES = {
    "dificultad": {"Easy": "fácil", "Medium": "media", "Hard": "difícil"},
    "tipo": {"midterm": "parcial", "endterm": "final"},
    "resultado": {"P": "aprobado", "F": "reprobado"},
    "presentada": {True: "sí", False: "no"},
    "sexo": {"F": "mujer", "M": "hombre"},
}


def tables(records: Frames) -> Frames:
    """The faculty's tables, from the frames of the canonical relations."""
    made = {}
    for name, (table, columns) in COLUMNS.items():
        frame = records[name][list(columns)].rename(columns=columns)
        made[table] = frame.assign(
            **{c: frame[c].map(codes) for c, codes in CODES.items() if c in frame.columns}
        )
    return made
